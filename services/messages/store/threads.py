"""Threads as one user stands to them: of a room, or followed over all rooms; and one user's mark."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from services.messages.models import MESSAGE_COLUMNS, MessageRow, message_row
from services.messages.store.connection import Connection
from shared.contracts.entities import ThreadMark

# Replies of others above the mark: a thread is short, and the index holds it in order.
_VIEW = f"""
{MESSAGE_COLUMNS}, i.data::text, (
    SELECT count(*) FROM messages.messages r
    WHERE r.room_id = g.room_id AND r.thread_id = g.id AND r.seq > 0 AND r.sender_id <> $1
      AND r.seq > coalesce((i.data->>'read_seq')::bigint, 0)
)"""
_OF_ROOM = f"""
SELECT {_VIEW} FROM messages.messages g
LEFT JOIN messages.user_items i
  ON i.user_id = $1 AND i.kind = 'thread' AND i.room_id = g.room_id AND i.item_id = g.id
WHERE g.room_id = $2 AND g.last_reply_at IS NOT NULL
  AND ($3::timestamptz IS NULL OR (g.last_reply_at, g.id) < ($3, $4::uuid))
ORDER BY g.last_reply_at DESC, g.id DESC LIMIT $5
"""
# Only rooms that the user is in; the mark names room and message, so each is one look-up.
_FOLLOWED = f"""
SELECT {_VIEW} FROM messages.user_items i
JOIN messages.memberships m ON m.room_id = i.room_id AND m.user_id = i.user_id AND m.left_at IS NULL
JOIN messages.messages g ON g.room_id = i.room_id AND g.id = i.item_id AND g.last_reply_at IS NOT NULL
WHERE i.user_id = $1 AND i.kind = 'thread' AND (i.data->>'following')::boolean
  AND ($2::timestamptz IS NULL OR (g.last_reply_at, g.id) < ($2, $3::uuid))
ORDER BY g.last_reply_at DESC, g.id DESC LIMIT $4
"""
_MARK = """
SELECT data::text FROM messages.user_items
WHERE user_id = $1 AND kind = 'thread' AND room_id = $2 AND item_id = $3
"""
_decode_mark = msgspec.json.Decoder(ThreadMark).decode

Place = tuple[datetime, str]
"""Where a page ends: time of the last reply, and the root's id."""


class ThreadRow(NamedTuple):
    """The root, the user's mark if there is one, and how many replies of others lie above it."""

    root: MessageRow
    mark: ThreadMark | None
    unread: int


async def list_room_threads(
    connection: Connection, user_id: str, room_id: str, limit: int, after: Place | None
) -> list[ThreadRow]:
    """Return the threads of a room, latest reply first."""
    last_reply_at, root_id = after or (None, None)
    records = await connection.fetch(_OF_ROOM, user_id, room_id, last_reply_at, root_id, limit)
    return [_thread_row(record) for record in records]


async def list_followed_threads(
    connection: Connection, user_id: str, limit: int, after: Place | None
) -> list[ThreadRow]:
    """Return the threads that a user follows in the rooms they are in, latest reply first. O(followed)."""
    last_reply_at, root_id = after or (None, None)
    records = await connection.fetch(_FOLLOWED, user_id, last_reply_at, root_id, limit)
    return [_thread_row(record) for record in records]


async def find_thread_mark(
    connection: Connection, user_id: str, room_id: str, thread_id: str
) -> ThreadMark | None:
    """Return the user's mark, or None for who never read or followed the thread."""
    data = await connection.fetchval(_MARK, user_id, room_id, thread_id)
    return _decode_mark(data) if data else None


def _thread_row(record: Sequence[Any]) -> ThreadRow:
    *columns, data, unread = record
    return ThreadRow(message_row(columns), _decode_mark(data) if data else None, unread)
