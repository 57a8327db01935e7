"""The statements of retention: what has expired, whose read mark it passes, what is deleted.

Ages are reckoned by the database's clock alone.
"""

from collections import Counter
from typing import NamedTuple

from services.messages.models import MEMBER_COLUMNS, MemberRow, member_row
from services.messages.store.connection import Connection

# How far one step looks: the statement stays short, and a long backlog is told in large strides.
_STRIDE = 10_000
_DELETED_AT_ONCE = 500

_DUE = """
SELECT r.id FROM messages.rooms r
WHERE r.settings ? 'retention_days' AND r.first_seq <= r.last_seq AND ($1::uuid IS NULL OR r.id > $1)
  AND EXISTS (
    SELECT 1 FROM messages.messages g
    WHERE g.room_id = r.id AND g.thread_id IS NULL AND g.seq > 0 AND g.seq = r.first_seq
      AND g.created_at < statement_timestamp() - make_interval(days => (r.settings->>'retention_days')::int)
  )
ORDER BY r.id LIMIT $2
"""
_FIRST_KEPT = f"""
SELECT coalesce(
    min(g.seq) FILTER (WHERE g.created_at >= statement_timestamp() - make_interval(days => k.days)),
    max(g.seq) + 1
)
FROM (
    SELECT first_seq, (settings->>'retention_days')::int AS days FROM messages.rooms WHERE id = $1
) k
JOIN messages.messages g ON g.room_id = $1 AND g.thread_id IS NULL AND g.seq > 0
    AND g.seq >= k.first_seq AND g.seq < k.first_seq + {_STRIDE}
WHERE k.days IS NOT NULL
"""
_MOVE_MARKS = f"""
UPDATE messages.memberships m SET read_seq = $2, own_above = (
    SELECT count(*) FROM messages.messages g
    WHERE g.room_id = $1 AND g.sender_id = m.user_id AND g.thread_id IS NULL AND g.seq > $2
)
WHERE m.room_id = $1 AND m.user_id IN (
    SELECT user_id FROM messages.memberships
    WHERE room_id = $1 AND left_at IS NULL AND read_seq < $2 LIMIT $3
)
RETURNING {MEMBER_COLUMNS}
"""
_SET_FIRST = "UPDATE messages.rooms SET first_seq = $2 WHERE id = $1"
_UNPURGED = """
SELECT id FROM messages.rooms
WHERE purged_seq < first_seq - 1 AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2
"""
_CLAIM = """
SELECT first_seq, purged_seq FROM messages.rooms
WHERE id = $1 AND purged_seq < first_seq - 1 FOR UPDATE SKIP LOCKED
"""
_ROOTS = """
SELECT id, thread_last_seq FROM messages.messages
WHERE room_id = $1 AND thread_id IS NULL AND seq > 0 AND seq > $2 AND seq <= $3
"""
_REPLIES = f"""
SELECT id FROM messages.messages
WHERE room_id = $1 AND thread_id = ANY($2::uuid[]) AND seq > 0 LIMIT {_DELETED_AT_ONCE}
"""
_DELETE = """
DELETE FROM messages.messages WHERE room_id = $1 AND id = ANY($2::uuid[]) RETURNING tableoid::regclass::text
"""
# What hangs on a message. Search hits are joined with the living rows.
_DELETE_DEPENDENTS = (
    "DELETE FROM messages.mentions WHERE room_id = $1 AND message_id = ANY($2::uuid[])",
    "DELETE FROM messages.reactions WHERE room_id = $1 AND message_id = ANY($2::uuid[])",
    "DELETE FROM messages.message_history WHERE room_id = $1 AND message_id = ANY($2::uuid[])",
    "DELETE FROM messages.message_search WHERE room_id = $1 AND message_id = ANY($2::uuid[])",
    "DELETE FROM messages.thread_reads WHERE room_id = $1 AND thread_id = ANY($2::uuid[])",
)
_SET_PURGED = "UPDATE messages.rooms SET purged_seq = $2 WHERE id = $1"


class Purged(NamedTuple):
    """What one step deleted."""

    rows_by_partition: Counter[str]
    is_done: bool
    """Nothing is left to delete in that room."""


async def list_due(connection: Connection, after: str | None, limit: int) -> list[str]:
    """Return ids of rooms whose first message has expired, after the given id."""
    return [str(room_id) for (room_id,) in await connection.fetch(_DUE, after, limit)]


async def find_first_kept(connection: Connection, room_id: str) -> int | None:
    """Return the seq that the room should begin with, at most a stride further than it does."""
    seq: int | None = await connection.fetchval(_FIRST_KEPT, room_id)
    return seq


async def move_marks(connection: Connection, room_id: str, seq: int, limit: int) -> list[MemberRow]:
    """Lift read marks below `seq` to it, of at most `limit` present members; return those, as they are now.

    The room must be locked.
    """
    return [member_row(record) for record in await connection.fetch(_MOVE_MARKS, room_id, seq, limit)]


async def set_first_seq(connection: Connection, room_id: str, seq: int) -> None:
    """Let the room begin with `seq`. The room must be locked."""
    await connection.execute(_SET_FIRST, room_id, seq)


async def list_unpurged(connection: Connection, after: str | None, limit: int) -> list[str]:
    """Return ids of rooms that still have messages before their first, after the given id."""
    return [str(room_id) for (room_id,) in await connection.fetch(_UNPURGED, after, limit)]


async def purge_some(connection: Connection, room_id: str) -> Purged | None:
    """Delete some messages before the room's first: first the replies in their threads, then they.

    In a transaction of its own: holds the room's lock until its end. None if somebody else holds it.
    """
    claimed = await connection.fetchrow(_CLAIM, room_id)
    if claimed is None:
        return None
    first_seq, purged_seq = claimed
    high = min(first_seq - 1, purged_seq + _DELETED_AT_ONCE)
    roots = await connection.fetch(_ROOTS, room_id, purged_seq, high)
    threads = [root_id for root_id, thread_last_seq in roots if thread_last_seq]
    replies = await connection.fetch(_REPLIES, room_id, threads) if threads else []
    if replies:
        return Purged(await _delete(connection, room_id, [reply[0] for reply in replies]), is_done=False)
    deleted = await _delete(connection, room_id, [root[0] for root in roots])
    await connection.execute(_SET_PURGED, room_id, high)
    return Purged(deleted, is_done=high == first_seq - 1)


async def _delete(connection: Connection, room_id: str, message_ids: list[str]) -> Counter[str]:
    if not message_ids:
        return Counter()
    for statement in _DELETE_DEPENDENTS:
        await connection.execute(statement, room_id, message_ids)
    return Counter(name for (name,) in await connection.fetch(_DELETE, room_id, message_ids))
