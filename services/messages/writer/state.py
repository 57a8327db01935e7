"""What a batch knows and changes, in memory: loaded under the rooms' locks, written back at its end.

The deciding modules work on it; nothing here does I/O.
"""

from datetime import UTC, datetime

import msgspec

from services.messages.domain.access import refuse_outsider
from services.messages.models import MemberRow, MessageRow, RoomRow
from services.messages.store.journal import Journal
from shared.errors import not_found

Key = tuple[str, str]
"""Room id and the id of a message or user."""

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

        self.journal = Journal()
        self.created: list[MessageRow] = []
        self.updated: dict[Key, MessageRow] = {}
        self.mentioned: dict[Key, MessageRow] = {}
        self.rementioned: dict[Key, MessageRow] = {}
        self.moved_marks: dict[Key, MemberRow] = {}
        self.told_marks: dict[Key, MemberRow] = {}
        self.thread_marks: dict[tuple[str, str, str], tuple[int, bool]] = {}
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

    def update(self, room: RoomRow, row: MessageRow, event: str = "message.updated") -> bytes:
        """Take the next rev for a message that changed; return it encoded."""
        row.rev = room.advance()
        self.updated[room.id, row.id] = row
        data = encode(row.to_wire())
        self.journal.room_event(room, event, data)
        return data
