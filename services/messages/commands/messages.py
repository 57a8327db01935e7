"""Reading messages: one, a page of a timeline, all that changed. Writing them is the writer's."""

import msgspec

from services.messages.domain.pages import Anchor, choose_window, fit, kept_index
from services.messages.models import MessageRow, RoomRow
from services.messages.store.changes import load_changes
from services.messages.store.messages import get_message, list_versions, list_window
from services.messages.store.rooms import get_member_view
from services.messages.store.transaction import Database
from shared.bus import Caller
from shared.clock import to_wire
from shared.contracts.entities import Message
from shared.contracts.limits import REPLY_MAX_BYTES
from shared.contracts.messages import (
    Changes,
    GetChanges,
    ListMessages,
    Messages,
    OneMessage,
    Version,
    Versions,
)

# Room for what stands around the messages of a reply.
MESSAGES_MAX_BYTES = REPLY_MAX_BYTES - 4_096


class MessageCommands:
    """Handlers; each reads one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, caller: Caller, asked: OneMessage) -> Message:
        async with self._database.reading() as connection:
            await get_member_view(connection, asked.room_id, caller.user_id)
            return (await get_message(connection, asked.room_id, asked.message_id)).to_wire()

    async def list_messages(self, caller: Caller, asked: ListMessages) -> Messages:
        anchor = Anchor(asked.before_seq, asked.after_seq, asked.around_seq)
        async with self._database.reading() as connection:
            room, _ = await get_member_view(connection, asked.room_id, caller.user_id)
            root = (
                None if asked.thread_id is None else await get_message(connection, room.id, asked.thread_id)
            )
            first, last = _bounds(room, root)
            window = choose_window(anchor, first, last, asked.limit)
            rows = await list_window(connection, room.id, asked.thread_id, window.low, window.high)
        messages = [row.to_wire() for row in rows]
        sizes = [len(msgspec.json.encode(message)) + 1 for message in messages]
        part = fit(sizes, MESSAGES_MAX_BYTES, kept_index(anchor, window))
        return Messages(
            messages[part],
            has_before=window.low + part.start > first,
            has_after=window.low + part.stop - 1 < last,
        )

    async def get_history(self, caller: Caller, asked: OneMessage) -> Versions:
        async with self._database.reading() as connection:
            await get_member_view(connection, asked.room_id, caller.user_id)
            await get_message(connection, asked.room_id, asked.message_id)
            found = await list_versions(connection, asked.room_id, asked.message_id)
        versions = [Version(text, to_wire(written_at)) for text, written_at in reversed(found)]
        sizes = [len(msgspec.json.encode(version)) + 1 for version in versions]
        return Versions(versions[fit(sizes, MESSAGES_MAX_BYTES, len(sizes) - 1)] if versions else [])

    async def get_changes(self, caller: Caller, asked: GetChanges) -> Changes:
        async with self._database.reading() as connection:
            room, _ = await get_member_view(connection, asked.room_id, caller.user_id)
            return await load_changes(connection, room, asked.epoch, asked.after_rev)


def _bounds(room: RoomRow, root: MessageRow | None) -> tuple[int, int]:
    return (room.first_seq, room.last_seq) if root is None else (1, root.thread_last_seq)
