"""Messages: one, a window of a timeline, all that changed, the newest."""

from collections.abc import Sequence
from datetime import datetime

from services.messages.models import (
    MEMBER_COLUMNS,
    MESSAGE_COLUMNS,
    MemberRow,
    MessageRow,
    member_row,
    message_row,
)
from services.messages.store.connection import Connection
from shared.contracts.limits import SYNC_MAX_REVS_BEHIND, SYNC_NEWEST_MESSAGES
from shared.errors import not_found

# `seq > 0` and `rev > 0` hold for every row; they name the partial indexes that are meant.
_ONE = f"SELECT {MESSAGE_COLUMNS} FROM messages.messages g WHERE g.room_id = $1 AND g.id = $2"
_VERSIONS = """
SELECT h.text, h.written_at FROM messages.message_history h
WHERE h.room_id = $1 AND h.message_id = $2 ORDER BY h.rev DESC
"""
_PINNED = f"""
SELECT {MESSAGE_COLUMNS} FROM messages.messages g
WHERE g.room_id = $1 AND g.pinned_at IS NOT NULL
  AND ($3::timestamptz IS NULL OR (g.pinned_at, g.id) < ($3, $4::uuid))
ORDER BY g.pinned_at DESC, g.id DESC LIMIT $2
"""
_WINDOW = f"""
SELECT {MESSAGE_COLUMNS} FROM messages.messages g
WHERE g.room_id = $1 AND g.thread_id IS NULL AND g.seq > 0 AND g.seq BETWEEN $2 AND $3
ORDER BY g.seq
"""
_THREAD_WINDOW = f"""
SELECT {MESSAGE_COLUMNS} FROM messages.messages g
WHERE g.room_id = $1 AND g.thread_id = $4 AND g.seq > 0 AND g.seq BETWEEN $2 AND $3
ORDER BY g.seq
"""
_NEWEST = f"""
SELECT {MESSAGE_COLUMNS} FROM unnest($1::uuid[], $2::bigint[]) AS k(room_id, last_seq)
CROSS JOIN LATERAL (
    SELECT * FROM messages.messages g
    WHERE g.room_id = k.room_id AND g.thread_id IS NULL
      AND g.seq > 0 AND g.seq > k.last_seq - {SYNC_NEWEST_MESSAGES}
    ORDER BY g.seq LIMIT {SYNC_NEWEST_MESSAGES}
) g
"""
_CHANGED_MESSAGES = f"""
SELECT {MESSAGE_COLUMNS} FROM unnest($1::uuid[], $2::bigint[]) AS k(room_id, after_rev)
CROSS JOIN LATERAL (
    SELECT * FROM messages.messages g WHERE g.room_id = k.room_id AND g.rev > 0 AND g.rev > k.after_rev
    ORDER BY g.rev LIMIT {SYNC_MAX_REVS_BEHIND}
) g
"""
_CHANGED_MEMBERS = f"""
SELECT {MEMBER_COLUMNS} FROM unnest($1::uuid[], $2::bigint[]) AS k(room_id, after_rev)
CROSS JOIN LATERAL (
    SELECT * FROM messages.memberships m WHERE m.room_id = k.room_id AND m.rev > 0 AND m.rev > k.after_rev
    ORDER BY m.rev LIMIT {SYNC_MAX_REVS_BEHIND}
) m
"""


async def get_message(connection: Connection, room_id: str, message_id: str) -> MessageRow:
    record = await connection.fetchrow(_ONE, room_id, message_id)
    if record is None:
        raise not_found("message")
    return message_row(record)


async def list_versions(connection: Connection, room_id: str, message_id: str) -> list[tuple[str, datetime]]:
    """Return the texts a message had before, with the time of each, newest first."""
    return [(text, at) for text, at in await connection.fetch(_VERSIONS, room_id, message_id)]


async def list_pinned(
    connection: Connection, room_id: str, limit: int, after: tuple[datetime, str] | None
) -> list[MessageRow]:
    """Return the pinned messages of a room, latest pin first, after the given place."""
    pinned_at, message_id = after or (None, None)
    records = await connection.fetch(_PINNED, room_id, limit, pinned_at, message_id)
    return [message_row(record) for record in records]


async def list_window(
    connection: Connection, room_id: str, thread_id: str | None, low: int, high: int
) -> list[MessageRow]:
    """Return the messages `low`..`high` of a timeline, ascending."""
    if high < low:
        return []
    if thread_id is None:
        records = await connection.fetch(_WINDOW, room_id, low, high)
    else:
        records = await connection.fetch(_THREAD_WINDOW, room_id, low, high, thread_id)
    return [message_row(record) for record in records]


async def list_newest(connection: Connection, last_seqs: dict[str, int]) -> dict[str, list[MessageRow]]:
    """Return the newest messages of the main timelines of these rooms, ascending, by room."""
    found: dict[str, list[MessageRow]] = {room_id: [] for room_id in last_seqs}
    for record in await connection.fetch(_NEWEST, list(last_seqs), list(last_seqs.values())):
        row = message_row(record)
        found[row.room_id].append(row)
    return found


async def list_changed(
    connection: Connection, after_revs: dict[str, int]
) -> dict[str, tuple[list[MessageRow], list[MemberRow]]]:
    """Return the present state of all rows with a larger rev, by room, ascending by rev.

    Complete for positions at most SYNC_MAX_REVS_BEHIND behind; read the rooms in the same snapshot.
    """
    found: dict[str, tuple[list[MessageRow], list[MemberRow]]] = {room_id: ([], []) for room_id in after_revs}
    keys: tuple[Sequence[str], Sequence[int]] = (list(after_revs), list(after_revs.values()))
    for record in await connection.fetch(_CHANGED_MESSAGES, *keys):
        message = message_row(record)
        found[message.room_id][0].append(message)
    for record in await connection.fetch(_CHANGED_MEMBERS, *keys):
        member = member_row(record)
        found[member.room_id][1].append(member)
    return found
