"""Rooms, messages and members for tests of the client, and a server's room that writes events."""

from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from chatcraft_client import Event
from shared.contracts.entities import Member, Membership, Mentions, Message, Position, Room, RoomSettings
from shared.contracts.events import RoomChanges
from shared.contracts.sync import HeldPosition, SyncElement

ME = "00000000-0000-7000-8000-000000000001"
ROOM = "00000000-0000-7000-8000-0000000000aa"
NEWEST = 30


def user_id(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012d}"


def at(second: int) -> str:
    return f"2026-01-01T00:{second // 60:02d}:{second % 60:02d}.000Z"


@dataclass
class ServerRoom:
    """The truth of one room: changes it, numbers them, and answers `sync` as the protocol says."""

    room: Room = field(
        default_factory=lambda: Room(
            ROOM, "public", "Design", "", None, ME, at(0), None, 1, 1, 1, 0, 1, RoomSettings()
        )
    )
    messages: dict[str, Message] = field(default_factory=dict)
    members: dict[str, Member] = field(
        default_factory=lambda: {ME: Member(ROOM, ME, "owner", at(0), None, 1)}
    )
    read_seq: int = 0

    def send(self, sender: str = ME, text: str = "hello") -> Event:
        seq = self.room.last_seq + 1
        self._advance(last_seq=seq)
        message = Message(
            f"00000000-0000-7000-8000-1{seq:011d}", ROOM, seq, self.room.rev, None, None, sender, "text",
            text, None, Mentions(), [], [], 0, None, None, at(seq), None, None,
        )  # fmt: skip
        if sender == ME:
            self.read_seq = seq
        return self._store("message.created", message)

    def edit(self, index: int, text: str) -> Event:
        message = self._pick(index)
        self._advance()
        return self._store("message.updated", replace(message, text=text, rev=self.room.rev, edited_at=at(0)))

    def delete(self, index: int) -> Event:
        message = self._pick(index)
        self._advance()
        return self._store("message.deleted", replace(message, text="", rev=self.room.rev, deleted_at=at(0)))

    def join(self, number: int) -> Event:
        self._advance(member_count=self.room.member_count + 1)
        member = Member(ROOM, user_id(number), "member", at(1), None, self.room.rev)
        self.members[member.user_id] = member
        return self._event("member.joined", member)

    def leave(self, number: int) -> Event:
        self._advance(member_count=self.room.member_count - 1)
        member = replace(self.members[user_id(number)], left_at=at(2), rev=self.room.rev)
        self.members[member.user_id] = member
        return self._event("member.left", member)

    def rename(self, name: str) -> Event:
        self._advance(name=name)
        return self._event("room.updated", self.room)

    def expire(self, number: int) -> Event:
        """Let the oldest messages end, at least one."""
        seqs = sorted(each.seq for each in self.messages.values())
        first_seq = seqs[number % len(seqs)] + 1
        self._advance(first_seq=first_seq)
        self.messages = {each.id: each for each in self.messages.values() if each.seq >= first_seq}
        self.read_seq = max(self.read_seq, first_seq - 1)
        return self._event("room.updated", self.room)

    def mark(self) -> Event:
        """Tell of the own read mark as it is."""
        return Event("read.updated", self.membership, user_rev=self.room.rev)

    def reset_epoch(self) -> None:
        self.room = replace(self.room, epoch=self.room.epoch + 1)

    def changes(self, after_rev: int) -> Event:
        messages = [each for each in self.messages.values() if each.rev > after_rev]
        members = [each for each in self.members.values() if each.rev > after_rev]
        return self._event("room.changes", RoomChanges(after_rev, messages, members, self.room))

    def element(self, held: HeldPosition | None = None) -> SyncElement:
        position = Position(self.room.epoch, self.room.rev)
        if held is None or held.epoch != position.epoch or held.rev > position.rev:
            newest = sorted(self.messages.values(), key=lambda each: each.seq)[-NEWEST:]
            state = "new" if held is None else "reset"
            return SyncElement(self.room, self.membership, position, state, newest, [])
        changed = self.changes(held.rev).data
        state = "current" if held.rev == position.rev else "caught_up"
        return SyncElement(self.room, self.membership, position, state, changed.messages, changed.members)

    @property
    def membership(self) -> Membership:
        unread = sum(each.seq > self.read_seq and each.sender_id != ME for each in self.messages.values())
        return Membership(ROOM, ME, "owner", at(0), self.read_seq, unread, 0, "all")

    def _advance(self, **fields: object) -> None:
        self.room = replace(self.room, rev=self.room.rev + 1, **fields)

    def _pick(self, index: int) -> Message:
        return sorted(self.messages.values(), key=lambda each: each.seq)[index % len(self.messages)]

    def _store(self, name: str, message: Message) -> Event:
        self.messages[message.id] = message
        return self._event(name, message)

    def _event(self, name: str, data: msgspec.Struct) -> Event:
        return Event(name, data, ROOM, self.room.epoch, self.room.rev)


def encode_event(event: Event) -> bytes:
    """Return the frame of an event."""
    frame = {"ev": event.name, "d": event.data, "room_id": event.room_id, "epoch": event.epoch}
    frame |= {"rev": event.rev, "user_rev": event.user_rev}
    return msgspec.json.encode({key: value for key, value in frame.items() if value is not None})
