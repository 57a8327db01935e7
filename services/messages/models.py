"""The rows of the tables as the service holds them, and what they are on the wire.

The migrations create the tables; column lists stand here, in the order of the row's fields.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct, structs

from services.messages.domain.mentions import NO_MENTIONS
from services.messages.domain.reading import count_unread
from shared.clock import to_wire
from shared.contracts.entities import (
    Member,
    MemberRole,
    Membership,
    Mentions,
    Message,
    Notify,
    Reaction,
    Room,
    RoomKind,
    RoomSettings,
)

DEFAULT_SETTINGS = RoomSettings()
_decode_settings = msgspec.json.Decoder(RoomSettings).decode
_decode_reactions = msgspec.json.Decoder(list[Reaction]).decode

ROOM_COLUMNS = (
    "r.id, r.kind, r.name, r.topic, r.user_ids, r.created_by, r.created_at, r.archived_at, r.rev, "
    "r.first_seq, r.last_seq, r.member_count, r.settings::text, r.active_at, "
    "(SELECT epoch FROM messages.deployment)"
)
MEMBER_COLUMNS = (
    "m.room_id, m.user_id, m.role, m.joined_at, m.left_at, m.rev, m.read_seq, m.own_above, m.notify, "
    "m.last_sent_at"
)
MESSAGE_COLUMNS = (
    "g.id, g.room_id, g.seq, g.rev, g.thread_id, g.reply_to, g.sender_id, g.text, "
    "g.mention_user_ids, g.mention_room, g.mention_here, g.reply_count, g.last_reply_at, g.pinned_at, "
    "g.created_at, g.edited_at, g.deleted_at, g.thread_last_seq, g.reactions::text"
)
ROOM_WIDTH = 15
MEMBER_WIDTH = 10


class RoomRow(Struct):
    id: str
    kind: RoomKind
    name: str | None
    topic: str
    user_ids: list[str] | None
    created_by: str
    created_at: datetime
    archived_at: datetime | None
    rev: int
    first_seq: int
    last_seq: int
    member_count: int
    settings: RoomSettings
    active_at: datetime
    epoch: int

    def advance(self) -> int:
        """Take the room's next rev."""
        self.rev += 1
        return self.rev

    def to_wire(self) -> Room:
        return Room(
            id=self.id, kind=self.kind, name=self.name, topic=self.topic, user_ids=self.user_ids,
            created_by=self.created_by, created_at=to_wire(self.created_at),
            archived_at=_time(self.archived_at), epoch=self.epoch, rev=self.rev, first_seq=self.first_seq,
            last_seq=self.last_seq, member_count=self.member_count, settings=self.settings,
        )  # fmt: skip


class MemberRow(Struct):
    room_id: str
    user_id: str
    role: MemberRole
    joined_at: datetime
    left_at: datetime | None
    rev: int
    read_seq: int
    own_above: int
    notify: Notify
    last_sent_at: datetime | None = None
    """Of the last message in a room with slow mode."""

    def to_wire(self) -> Member:
        return Member(
            room_id=self.room_id, user_id=self.user_id, role=self.role, joined_at=to_wire(self.joined_at),
            left_at=_time(self.left_at), rev=self.rev,
        )  # fmt: skip

    def unread(self, last_seq: int) -> int:
        return count_unread(last_seq, self.read_seq, self.own_above)

    def to_membership(self, last_seq: int, mentions: int) -> Membership:
        """Return the owner's own view; `mentions` are those above the read mark."""
        return Membership(
            room_id=self.room_id, user_id=self.user_id, role=self.role, joined_at=to_wire(self.joined_at),
            read_seq=self.read_seq, unread=self.unread(last_seq), mentions=mentions, notify=self.notify,
        )  # fmt: skip


class MessageRow(Struct):
    id: str
    room_id: str
    seq: int
    rev: int
    thread_id: str | None
    reply_to: str | None
    sender_id: str
    text: str
    mentions: Mentions
    created_at: datetime
    reply_count: int = 0
    last_reply_at: datetime | None = None
    thread_last_seq: int = 0
    pinned_at: datetime | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    reactions: list[Reaction] = []

    def to_wire(self) -> Message:
        return Message(
            id=self.id, room_id=self.room_id, seq=self.seq, rev=self.rev, thread_id=self.thread_id,
            reply_to=self.reply_to, sender_id=self.sender_id, kind="text", text=self.text, content=None,
            mentions=self.mentions, files=[], reactions=self.reactions, reply_count=self.reply_count,
            last_reply_at=_time(self.last_reply_at), pinned_at=_time(self.pinned_at),
            created_at=to_wire(self.created_at), edited_at=_time(self.edited_at),
            deleted_at=_time(self.deleted_at),
        )  # fmt: skip


def room_row(record: Sequence[Any]) -> RoomRow:
    """Build the row from `ROOM_COLUMNS`."""
    (room_id, kind, name, topic, user_ids, created_by, created_at, archived_at, rev, first_seq, last_seq,
     member_count, settings, active_at, epoch) = record  # fmt: skip
    return RoomRow(
        str(room_id), kind, name, topic, user_ids and [str(user_id) for user_id in user_ids], str(created_by),
        created_at, archived_at, rev, first_seq, last_seq, member_count,
        DEFAULT_SETTINGS if settings == "{}" else _decode_settings(settings), active_at, epoch,
    )  # fmt: skip


def member_row(record: Sequence[Any]) -> MemberRow:
    """Build the row from `MEMBER_COLUMNS`."""
    room_id, user_id, *rest = record
    return MemberRow(str(room_id), str(user_id), *rest)


def message_row(record: Sequence[Any]) -> MessageRow:
    """Build the row from `MESSAGE_COLUMNS`."""
    (message_id, room_id, seq, rev, thread_id, reply_to, sender_id, text, user_ids, room, here,
     reply_count, last_reply_at, pinned_at, created_at, edited_at, deleted_at,
     thread_last_seq, reactions) = record  # fmt: skip
    has_mentions = user_ids or room or here
    return MessageRow(
        str(message_id), str(room_id), seq, rev, thread_id and str(thread_id), reply_to and str(reply_to),
        str(sender_id), text,
        Mentions([str(user_id) for user_id in user_ids], room, here) if has_mentions else NO_MENTIONS,
        created_at, reply_count, last_reply_at, thread_last_seq, pinned_at, edited_at, deleted_at,
        _decode_reactions(reactions) if reactions else [],
    )  # fmt: skip


def encode_settings(settings: RoomSettings) -> str:
    """Return what is stored: the settings that differ from the defaults."""
    given = {name: value for name, value in structs.asdict(settings).items()
             if value != getattr(DEFAULT_SETTINGS, name)}  # fmt: skip
    return msgspec.json.encode(given).decode()


def _time(moment: datetime | None) -> str | None:
    return to_wire(moment) if moment else None
