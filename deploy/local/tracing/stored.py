"""What PostgreSQL knows of a message: its place, when it was accepted, whether it waits in the outbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

# Messages are kept by room: without one each room is asked, by its key. 10 µs a room.
_FIND = """
SELECT g.room_id::text, g.seq, g.rev, d.epoch, g.thread_id IS NOT NULL,
       g.created_at, g.edited_at, g.deleted_at,
       CASE WHEN current_setting('track_commit_timestamp')::bool THEN pg_xact_commit_timestamp(g.xmin) END
FROM messages.deployment d CROSS JOIN messages.rooms r CROSS JOIN LATERAL (
    SELECT m.*, m.xmin FROM messages.messages m WHERE m.room_id = r.id AND m.id = $1::uuid OFFSET 0
) g
WHERE $2::uuid IS NULL OR r.id = $2::uuid
"""
# Events are packed, but ids stand in them as text.
_WAITING = """
SELECT attempts, extract(epoch FROM clock_timestamp() - created_at)::float FROM messages.outbox
WHERE position(convert_to($1, 'UTF8') IN events) > 0 ORDER BY created_at LIMIT 1
"""


class Stored(NamedTuple):
    """A message as it stands in one room."""

    room_id: str
    seq: int
    rev: int
    """Of its newest change."""
    epoch: int
    is_reply: bool
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    committed_at: datetime | None
    """Of its newest change; None where PostgreSQL keeps no such times."""


class Waiting(NamedTuple):
    """An outbox row that holds an event of the message."""

    attempts: int
    age_s: float


async def find_stored(connection: Any, message_id: str, room_id: str | None) -> Sequence[Stored]:
    """Return the message in every room that has one of this id: clients choose ids."""
    await connection.execute("SET enable_seqscan = off")
    return [Stored(*record) for record in await connection.fetch(_FIND, message_id, room_id)]


async def find_waiting(connection: Any, message_id: str) -> Waiting | None:
    """Return the oldest outbox row with an event of the message."""
    record = await connection.fetchrow(_WAITING, message_id)
    return Waiting(*record) if record else None
