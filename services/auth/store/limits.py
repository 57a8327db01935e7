"""Rows of `limits`: GCRA, counted by the database so that all replicas share one count."""

from datetime import timedelta

from msgspec import Struct
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import limits


class Bucket(Struct, frozen=True):
    """At most `burst` charges at once, then one every `interval`."""

    key: bytes
    interval: timedelta
    burst: int


async def charge(connection: AsyncConnection, buckets: list[Bucket]) -> timedelta | None:
    """Charge all buckets, or tell how long to wait; then the caller rolls back, so that none is charged.

    Concurrent charges of one key wait for each other's commit: 50 at once are 50 charges.
    """
    # Always in the order of the keys: two transactions never wait for each other.
    for bucket in sorted(buckets, key=lambda each: each.key):
        wait = await _charge_one(connection, bucket)
        if wait is not None:
            return wait
    return None


async def refund(connection: AsyncConnection, buckets: list[Bucket]) -> None:
    """Take a charge back."""
    for bucket in sorted(buckets, key=lambda each: each.key):
        emptied = limits.c.full_at - bucket.interval
        await connection.execute(update(limits).where(limits.c.key == bucket.key).values(full_at=emptied))


async def sweep(connection: AsyncConnection) -> None:
    """Delete empty buckets."""
    await connection.execute(delete(limits).where(limits.c.full_at < func.clock_timestamp()))


async def _charge_one(connection: AsyncConnection, bucket: Bucket) -> timedelta | None:
    now = func.clock_timestamp()
    span = bucket.interval * bucket.burst
    statement = (
        postgresql.insert(limits)
        .values(key=bucket.key, full_at=now + bucket.interval)
        .on_conflict_do_update(
            index_elements=[limits.c.key],
            set_={"full_at": func.greatest(limits.c.full_at, now) + bucket.interval},
            where=limits.c.full_at + bucket.interval <= now + span,
        )
        .returning(limits.c.full_at)
    )
    if (await connection.execute(statement)).one_or_none() is not None:
        return None
    ahead = select(limits.c.full_at - now).where(limits.c.key == bucket.key)
    ahead_of_clock: timedelta | None = await connection.scalar(ahead)
    return max((ahead_of_clock or timedelta()) + bucket.interval - span, timedelta())
