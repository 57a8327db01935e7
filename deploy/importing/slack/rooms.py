"""Which conversations the export has, and the rooms they become."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from deploy.importing.slack.archive import Archive
from deploy.importing.slack.ids import Ids
from deploy.importing.slack.markdown import clean, to_plain
from deploy.importing.slack.people import People
from deploy.importing.slack.records import Conversation
from deploy.importing.slack.times import find_moment, parse_stamp, to_moment
from deploy.importing.summary import Summary
from shared.contracts.entities import MemberRole, RoomKind
from shared.contracts.fields import RoomName
from shared.contracts.importing import RoomEnd, RoomHead, RoomMember
from shared.ids import dm_room_id

_TOPIC_MAX = 500
_NAME_MAX = 80
_DM_PEOPLE_MAX = 2
_KINDS: Mapping[str, RoomKind] = {
    "channels.json": "public",
    "groups.json": "private",
    "mpims.json": "group_dm",
    "dms.json": "dm",
}


class Source(Struct, frozen=True):
    """A conversation with the files that hold its messages, oldest first."""

    conversation: Conversation
    kind: RoomKind
    days: list[str]

    @property
    def title(self) -> str:
        """What the summary calls it."""
        return self.conversation.name or self.conversation.id

    @property
    def pins(self) -> dict[int, int | float | None]:
        """When each pinned message was pinned, by its time stamp."""
        pins = {parse_stamp(pin.id): pin.created for pin in self.conversation.pins or () if pin.type != "F"}
        return {stamp: created for stamp, created in pins.items() if stamp is not None}

    @property
    def is_dm(self) -> bool:
        return self.kind in ("dm", "group_dm")


def list_sources(archive: Archive, summary: Summary) -> list[Source]:
    """Return the conversations of the export. Raises BrokenFileError."""
    sources: list[Source] = []
    unclaimed = dict(archive.days_by_folder)
    for name, kind in _KINDS.items():
        if not archive.has(name):
            continue
        for conversation in archive.read_records(name, Conversation):
            if conversation is None:
                summary.leave("entry that cannot be read", name)
                continue
            # Direct messages lie in folders named by their id, the others by their name.
            days = unclaimed.pop(conversation.id, None) or unclaimed.pop(conversation.name or "", None) or []
            source = Source(conversation, kind, days)
            if source.is_dm and not conversation.members:
                summary.leave("direct conversation without its people", source.title)
            else:
                sources.append(source)
    for folder, days in unclaimed.items():
        summary.leave("folder of a conversation that no list names", folder, len(days))
    return sources


def build_head(source: Source, ids: Ids, user_ids: Mapping[str, str], anybody: str) -> RoomHead:
    """Return what the room is made of. `user_ids` are our accounts by Slack's ids."""
    conversation = source.conversation
    members = [user_ids[each] for each in conversation.members or () if each in user_ids]
    people = sorted(set(members)) if source.is_dm else None
    creator = user_ids.get(conversation.creator or "") or next(iter(members), anybody)
    topic = to_plain((conversation.topic and conversation.topic.value) or "").strip()
    purpose = to_plain((conversation.purpose and conversation.purpose.value) or "").strip()
    return RoomHead(
        id=dm_room_id(people) if people else ids.room(conversation.id),
        kind=("dm" if len(people) <= _DM_PEOPLE_MAX else "group_dm") if people else source.kind,
        name=None if people else _choose_name(conversation),
        topic="" if people else (topic or purpose)[:_TOPIC_MAX],
        user_ids=people,
        created_by=creator,
        created_at=find_moment(conversation.created) or _first_day(source),
    )


def build_end(source: Source, head: RoomHead, user_ids: Mapping[str, str], people: People) -> RoomEnd:
    """Return who is in the room once its history is complete, and whether it is closed."""
    if head.user_ids is not None:
        return RoomEnd([])
    members = [each for each in source.conversation.members or () if each in user_ids]
    owner = _choose_owner(source.conversation, members, people)
    roles: dict[str, MemberRole] = {user_ids[each]: "member" for each in members}
    if owner is not None:
        roles[user_ids[owner]] = "owner"
    return RoomEnd(
        [RoomMember(user_id, role) for user_id, role in roles.items()],
        is_archived=bool(source.conversation.is_archived),
    )


def _first_day(source: Source) -> datetime:
    if not source.days:
        return to_moment(0)
    return datetime.fromisoformat(source.days[0].rpartition("/")[2].removesuffix(".json")).replace(tzinfo=UTC)


def _choose_owner(conversation: Conversation, members: Sequence[str], people: People) -> str | None:
    """Return who made the room if they are in it, else an admin, else anybody who is a person."""

    def rank(member: str) -> int:
        user = people.users.get(member)
        if user is None or user.deleted:
            return 4
        if member == conversation.creator:
            return 0
        if user.is_owner or user.is_admin:
            return 1
        return 3 if user.is_bot or user.is_restricted else 2

    return min(members, key=rank, default=None)


def _choose_name(conversation: Conversation) -> str:
    name = " ".join(clean(conversation.name or "").split())[:_NAME_MAX].strip()
    try:
        return msgspec.convert(name, RoomName)
    except msgspec.ValidationError:
        return conversation.id or "unnamed"
