"""What a batch knows and changes, in memory: loaded under the rooms' locks, written back at its end.

The deciding modules work on it; nothing here does I/O.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from services.messages.domain.access import refuse_outsider
from services.messages.models import MemberRow, MessageRow, RoomRow
from services.messages.store.journal import Journal
from shared.contracts.entities import ThreadMark
from shared.errors import not_found

Key = tuple[str, str]
"""Room id and the id of a message or user."""

ReactionKey = tuple[str, str, str, str]
"""Room, message, emoji, user."""

ThreadKey = tuple[str, str, str]
"""Room, the root's id, user."""


class OldText(NamedTuple):
    """A text that an edit replaced, with the rev that the message had with it."""

    room_id: str
    message_id: str
    rev: int
    text: str
    written_at: datetime


encode = msgspec.json.Encoder().encode


class BatchState:
    """Rooms, members and messages that the batch's commands name, by key."""

    def __init__(self, rooms: dict[str, RoomRow]) -> None:
        self.rooms = rooms
        self.now = datetime.max.replace(tzinfo=UTC)
        self.members: dict[Key, MemberRow] = {}
        self.messages: dict[Key, MessageRow] = {}
        self.latest_replies: dict[Key, list[tuple[str, datetime]]] = {}
        """Of threads in which a reply is deleted: the replies that may become the last, newest first."""
        self.own_above: dict[tuple[str, str, int], int] = {}
        """For marks that are set back: own messages above (room, user, seq), before this batch."""

        self.reactors: dict[tuple[str, str, str], list[str]] = {}
        """Who reacted, by (room, message, emoji), in the order of reacting."""
        self.pin_counts: dict[str, int] = {}
        self.thread_marks: dict[ThreadKey, ThreadMark] = {}

        self.journal = Journal()
        self.created: list[MessageRow] = []
        self.updated: dict[Key, MessageRow] = {}
        self.mentioned: dict[Key, MessageRow] = {}
        self.rementioned: dict[Key, MessageRow] = {}
        self.moved_marks: dict[Key, MemberRow] = {}
        self.told_marks: dict[Key, MemberRow] = {}
        self.moved_threads: set[ThreadKey] = set()
        self.told_threads: set[ThreadKey] = set()
        self.changed_reactions: dict[ReactionKey, int | None] = {}
        """The rev at which each was added; None: it was removed."""
        self.old_texts: list[OldText] = []
        self.erased: set[Key] = set()
        """Deleted messages: their reactions and earlier texts go too."""
        self.sent_seqs: dict[Key, list[int]] = {}

    def enter(self, room_id: str, user_id: str) -> tuple[RoomRow, MemberRow]:
        """Return room and membership. Raises what an outsider is told."""
        room = self.rooms.get(room_id)
        if room is None:
            raise not_found("room")
        member = self.members.get((room_id, user_id))
        if member is None:
            raise refuse_outsider(room.kind)
        return room, member

    def get_message(self, room_id: str, message_id: str) -> MessageRow:
        """Return a message of this room. Raises `not_found`."""
        row = self.messages.get((room_id, message_id))
        if row is None:
            raise not_found("message")
        return row

    def create(self, room: RoomRow, row: MessageRow) -> bytes:
        """Take the next rev for a new message; return it encoded."""
        key = (room.id, row.id)
        row.rev = room.advance()
        self.created.append(row)
        self.messages[key] = row
        if row.mentions.user_ids or row.mentions.room:
            self.mentioned[key] = row
        data = encode(row.to_wire())
        self.journal.room_event(room, "message.created", data)
        return data

    def update(
        self,
        room: RoomRow,
        row: MessageRow,
        event: str = "message.updated",
        wrap: Callable[[bytes], bytes] | None = None,
    ) -> bytes:
        """Take the next rev for a message that changed; return it encoded.

        `wrap` makes the event's data of it, where that is more than the message.
        """
        row.rev = room.advance()
        self.updated[room.id, row.id] = row
        data = encode(row.to_wire())
        self.journal.room_event(room, event, wrap(data) if wrap else data)
        return data

    def react(self, room: RoomRow, row: MessageRow, emoji: str, user_id: str, *, is_added: bool) -> None:
        """Take the next rev for a message whose reactions have changed."""
        named = b',"emoji":%b,"user_id":%b}' % (encode(emoji), encode(user_id))
        event = "reaction.added" if is_added else "reaction.removed"
        self.update(room, row, event, lambda message: b'{"message":%b%b' % (message, named))
        self.changed_reactions[room.id, row.id, emoji, user_id] = row.rev if is_added else None

    def get_thread_mark(self, root: MessageRow, user_id: str) -> ThreadMark:
        """Return the user's mark in the thread under `root`, which may be a new one."""
        found = self.thread_marks.get((root.room_id, root.id, user_id))
        return found or ThreadMark(root.room_id, root.id, 0, following=False)

    def move_thread_mark(self, root: MessageRow, user_id: str, seq: int) -> None:
        """Set a mark; its owner's devices are told only of what is in `told_threads`."""
        mark = self.get_thread_mark(root, user_id)
        self._put_thread_mark(user_id, msgspec.structs.replace(mark, read_seq=seq))

    def begin_following(self, root: MessageRow, user_id: str, *, again: bool = False) -> None:
        """Let a user follow a thread; one who has once stopped only where `again` says so."""
        mark = self.thread_marks.get((root.room_id, root.id, user_id))
        if mark is None or (again and not mark.following):
            self._put_thread_mark(
                user_id, msgspec.structs.replace(self.get_thread_mark(root, user_id), following=True)
            )
            self.told_threads.add((root.room_id, root.id, user_id))

    def _put_thread_mark(self, user_id: str, mark: ThreadMark) -> None:
        key = (mark.room_id, mark.thread_id, user_id)
        self.thread_marks[key] = mark
        self.moved_threads.add(key)
