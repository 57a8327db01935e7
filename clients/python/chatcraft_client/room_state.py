"""What a client knows of one room. Pure: *old state + changes + events = fresh snapshot*.

Messages and members are upserted by id, the larger rev wins: for events, `room.changes` and sync alike.
"""

from enum import Enum

from msgspec.structs import replace

from chatcraft_client.frames import Event
from shared.contracts.entities import Member, Membership, Message, Room
from shared.contracts.events import Reacted, RoomActivity, RoomChanges
from shared.contracts.limits import MENTIONS_COUNTED_MAX
from shared.contracts.sync import HeldPosition, SyncElement


class Verdict(Enum):
    """What became of a numbered frame."""

    APPLIED = "applied"
    REPEATED = "repeated"
    """Its rev was known: nothing to do. The server never repeats."""
    GAP = "gap"
    """Revs are missing before it. The server never skips."""
    RELOAD = "reload"
    """Another epoch: what is held is void."""


class RoomState:
    """One room's present state; `messages` holds those met so far, in main timeline and threads."""

    def __init__(self, element: SyncElement, kept_messages: int | None) -> None:
        self._kept = kept_messages
        self.room = element.room
        self.messages: dict[str, Message] = {}
        self.members: dict[str, Member] = {}
        """Those met so far, by user id; who left stays, with `left_at`: an older rev cannot undo it."""
        self.epoch = element.position.epoch
        self.rev = element.position.rev
        self.is_awaited = False
        """Asked for anew: frames that arrive before the answer belong to a past that is discarded."""
        self.activity: RoomActivity | None = None
        """What is known to have happened beyond `rev`, while a crowded room was out of focus."""
        self._membership = element.membership
        self._unread_since = 0
        self._user_rev = 0
        self._newest_at = ""
        self._upsert(element.messages, element.members)

    @property
    def position(self) -> HeldPosition:
        return HeldPosition(self.epoch, self.rev)

    @property
    def timeline(self) -> list[Message]:
        """The main timeline, as far as it was met, ascending by seq."""
        main = (message for message in self.messages.values() if message.thread_id is None)
        return sorted(main, key=lambda message: message.seq)

    @property
    def membership(self) -> Membership:
        """The own membership with read marks. O(messages held): counted when asked."""
        held, last_seq = self._membership, self.room.last_seq
        above = [m for m in self.messages.values() if m.thread_id is None and m.seq > held.read_seq]
        if len(above) != max(0, last_seq - held.read_seq):
            # Not all is here: the server's number, moved by what came since.
            return replace(held, unread=held.unread + self._unread_since)
        foreign = [message for message in above if message.sender_id != held.user_id]
        mentioned = sum(_mentions(message, held.user_id) for message in foreign)
        return replace(held, unread=len(foreign), mentions=min(mentioned, MENTIONS_COUNTED_MAX))

    def take(self, element: SyncElement) -> list[Message]:
        """Take in a `current` or `caught_up` element; return the messages that are new."""
        self.is_awaited = False
        new = self._upsert(element.messages, element.members)
        self.epoch, self.rev = element.position.epoch, element.position.rev
        self._drop_activity()
        self._set_room(element.room)
        self._set_membership(element.membership)
        return new

    def apply(self, event: Event) -> Verdict:
        """Take in one numbered frame, in order; fills `event.new_messages`."""
        assert event.rev is not None
        if event.epoch != self.epoch:
            is_older = event.epoch is not None and event.epoch < self.epoch
            return Verdict.REPEATED if is_older else Verdict.RELOAD
        if event.rev <= self.rev:
            return Verdict.REPEATED
        data = event.data
        after_rev = data.after_rev if isinstance(data, RoomChanges) else event.rev - 1
        if after_rev > self.rev:
            return Verdict.GAP
        self._fold(event)
        self.rev = event.rev
        self._drop_activity()
        self.room = replace(self.room, rev=event.rev)
        return Verdict.APPLIED

    def apply_activity(self, news: RoomActivity) -> Verdict:
        """Note that something happened; what it was comes with the focus."""
        if news.rev <= self.rev:
            return Verdict.REPEATED
        held = self.activity or RoomActivity(0, None, mentioned=False, sent_seq=None)
        self.activity = RoomActivity(
            news.rev,
            held.last_seq if news.last_seq is None else news.last_seq,
            # Sending marks read up to one's own message, and what mentioned one before it.
            mentioned=news.mentioned or (held.mentioned and news.sent_seq is None),
            sent_seq=held.sent_seq if news.sent_seq is None else news.sent_seq,
        )
        return Verdict.APPLIED

    def apply_membership(self, membership: Membership, user_rev: int | None) -> None:
        """Take in a read mark; a smaller `user_rev` than seen is ignored."""
        if user_rev is not None:
            if user_rev < self._user_rev:
                return
            self._user_rev = user_rev
        self._set_membership(membership)
        if self.activity is not None:  # the server has counted all mentions by now
            self.activity = replace(self.activity, mentioned=False)

    def _drop_activity(self) -> None:
        if self.activity is not None and self.activity.rev <= self.rev:
            self.activity = None

    def _fold(self, event: Event) -> None:
        match event.data:
            case Message() as message:
                event.new_messages = self._upsert([message], [])
            case Reacted(message=message):
                self._upsert([message], [])
            case Member() as member:
                self._upsert([], [member])
                step = {"member.joined": 1, "member.left": -1}.get(event.name, 0)
                self.room = replace(self.room, member_count=self.room.member_count + step)
            case Room() as room:
                self._set_room(room)
            case RoomChanges() as changes:
                event.new_messages = self._upsert(changes.messages, changes.members)
                self._set_room(changes.room)

    def _set_room(self, room: Room) -> None:
        """Take the room's own new state, and let go of what it keeps no longer.

        Of a thread whose root was never met nobody can say whether it is kept: it goes, and can be read anew.
        """
        is_shorter = room.first_seq > self.room.first_seq
        self.room = room
        if is_shorter:
            kept = {m.id for m in self.messages.values() if m.thread_id is None and m.seq >= room.first_seq}
            self.messages = {
                message.id: message
                for message in self.messages.values()
                if (message.thread_id or message.id) in kept
            }

    def _upsert(self, messages: list[Message], members: list[Member]) -> list[Message]:
        new: list[Message] = []
        last_seq, newest_at = self.room.last_seq, self._newest_at
        for message in messages:
            held = self.messages.get(message.id)
            if held is None and self._is_since(message, last_seq, newest_at):
                new.append(message)
            if held is None or held.rev <= message.rev:
                self.messages[message.id] = message
            self._newest_at = max(self._newest_at, message.created_at)
            if message.thread_id is None and message.seq > self.room.last_seq:
                self._on_newest(message)
        for member in members:
            present = self.members.get(member.user_id)
            if present is None or present.rev <= member.rev:
                self.members[member.user_id] = member
                if member.user_id == self._membership.user_id and member.left_at is None:
                    self._membership = replace(self._membership, role=member.role)
        self._trim()
        return new

    def _on_newest(self, message: Message) -> None:
        self.room = replace(self.room, last_seq=message.seq)
        if message.sender_id == self._membership.user_id:
            # Sending marks read up to the own message.
            self._set_membership(replace(self._membership, read_seq=message.seq, unread=0, mentions=0))
        else:
            self._unread_since += 1

    @staticmethod
    def _is_since(message: Message, last_seq: int, newest_at: str) -> bool:
        """Whether it was written since: `room.changes` brings edited old ones too that were never met."""
        if message.deleted_at is not None:
            return False
        # A thread numbers its own messages, so there the time has to tell.
        return message.seq > last_seq if message.thread_id is None else message.created_at > newest_at

    def _set_membership(self, membership: Membership) -> None:
        self._membership = membership
        self._unread_since = 0

    def _trim(self) -> None:
        if self._kept is None or len(self.messages) <= self._kept * 5 // 4:
            return
        by_age = sorted(self.messages.values(), key=lambda message: message.created_at)
        self.messages = {message.id: message for message in by_age[-self._kept :]}


def find_differences(held: RoomState, fresh: SyncElement) -> list[str]:
    """Name what differs between a followed room and a fresh snapshot of it: nothing, says the law."""
    found = [
        f"{what}: held {ours!r}, fresh {theirs!r}"
        for what, ours, theirs in (
            ("epoch", held.epoch, fresh.position.epoch),
            ("rev", held.rev, fresh.position.rev),
            ("room", held.room, fresh.room),
            ("membership", held.membership, fresh.membership),
        )
        if ours != theirs
    ]
    return found + [
        f"message {message.id}: held {held.messages.get(message.id)!r}, fresh {message!r}"
        for message in fresh.messages
        if held.messages.get(message.id) != message
    ]


def _mentions(message: Message, user_id: str) -> bool:
    # `<!here>` is shown, but counts for nobody: who is here at that moment is no stored fact.
    mentions = message.mentions
    return message.deleted_at is None and (mentions.room or user_id in mentions.user_ids)
