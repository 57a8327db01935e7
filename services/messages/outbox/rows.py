"""The outbox table: rows claimed on the database's clock, so that no two clocks have to agree."""

from collections.abc import Sequence
from typing import NamedTuple

from services.messages.store.connection import Connection
from services.messages.store.journal import CLAIM_S, Outgoing, decode_events

_DELETE = "DELETE FROM messages.outbox WHERE id = ANY($1::uuid[])"
_DEFER = """
UPDATE messages.outbox SET attempts = greatest(attempts, 1),
    claimed_until = clock_timestamp() + make_interval(secs => least(10 * greatest(attempts, 1), 60))
WHERE id = ANY($1::uuid[])
"""
_TAKE = """
UPDATE messages.outbox
SET claimed_by = $1, claimed_until = clock_timestamp() + make_interval(secs => $2), attempts = attempts + 1
WHERE id IN (
    SELECT id FROM messages.outbox WHERE claimed_until < clock_timestamp() AND (attempts = 0) = $3
    ORDER BY created_at LIMIT $4 FOR UPDATE SKIP LOCKED
)
RETURNING created_at, id, events
"""
_BACKLOG = (
    "SELECT count(*), extract(epoch FROM clock_timestamp() - min(created_at))::float FROM messages.outbox"
)


class Batch(NamedTuple):
    """The events of one committed transaction."""

    row_id: str
    items: list[Outgoing]


async def delete_rows(connection: Connection, row_ids: Sequence[str]) -> None:
    """Forget what the feed has; need not be durable, a row that comes back is only published again."""
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = off")
        await connection.execute(_DELETE, row_ids)


async def defer_rows(connection: Connection, row_ids: Sequence[str]) -> None:
    """Put off what subscribers have and the feed did not acknowledge: 10 s, then longer, at most 60 s."""
    await connection.execute(_DEFER, row_ids)


async def take_rows(connection: Connection, instance: str, *, is_first_try: bool, limit: int) -> list[Batch]:
    """Claim expired rows, oldest first: those nobody took over yet, or those tried before."""
    records = await connection.fetch(_TAKE, instance, CLAIM_S, is_first_try, limit)
    return [
        Batch(str(row_id), decode_events(events))
        for _, row_id, events in sorted(records, key=lambda record: (record[0], record[1]))
    ]


async def measure_backlog(connection: Connection) -> tuple[int, float]:
    """Return how many rows wait, and the age of the oldest in seconds."""
    count, age_s = await connection.fetchrow(_BACKLOG)
    return count, age_s or 0.0
