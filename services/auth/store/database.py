"""What is asked of the database itself: its clock, whether it is there, a lock between replicas."""

from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection


async def read_clock(connection: AsyncConnection) -> datetime:
    """Return the database's present time: one clock for all replicas, never before a lock was granted."""
    now: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    return now


async def ping(connection: AsyncConnection) -> None:
    """Raise what the driver raises unless the database answers."""
    await connection.execute(text("SELECT 1"))


async def try_to_hold(connection: AsyncConnection, lock: int) -> bool:
    """Hold an advisory lock until commit; False if another transaction has it."""
    return bool(await connection.scalar(select(func.pg_try_advisory_xact_lock(lock))))


async def hold(connection: AsyncConnection, lock: int) -> None:
    """Hold an advisory lock until commit, after whoever has it now."""
    await connection.execute(select(func.pg_advisory_xact_lock(lock)))
