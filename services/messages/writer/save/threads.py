"""Writes users' marks in threads: with a step in their timelines, or, for one's own replies, silently."""

import msgspec

from services.messages.store.connection import Connection
from services.messages.store.users import UserItem, UserStep, item_step
from services.messages.writer.state import BatchState

# Who was told once has a row; a mark that follows one's own reply is no news to any device.
_MOVE_MARKS = """
UPDATE messages.user_items i SET data = k.data::jsonb
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) AS k(room_id, item_id, user_id, data)
WHERE i.user_id = k.user_id AND i.kind = 'thread' AND i.room_id = k.room_id AND i.item_id = k.item_id
"""


def thread_steps(state: BatchState) -> list[UserStep]:
    """Return the steps of those whose devices are told."""
    return [
        item_step(
            user_id, room_id, UserItem("thread", thread_id), _encode(state, room_id, thread_id, user_id)
        )
        for room_id, thread_id, user_id in state.told_threads
    ]


async def move_thread_marks(connection: Connection, state: BatchState) -> None:
    """Write the marks that moved without a word."""
    moved = state.moved_threads - state.told_threads
    if moved:
        data = [_encode(state, *key).decode() for key in moved]
        await connection.execute(_MOVE_MARKS, *zip(*moved, strict=True), data)


def _encode(state: BatchState, room_id: str, thread_id: str, user_id: str) -> bytes:
    return msgspec.json.encode(state.thread_marks[room_id, thread_id, user_id])
