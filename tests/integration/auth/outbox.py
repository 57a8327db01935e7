"""What waits in the outbox of mails, and the turning of its clocks."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.auth.mailbox import DEADLINE_S
from tests.wire import eventually


async def read_waiting(engine: AsyncEngine) -> list[Any]:
    """Return attempts, seconds until the next one, and age in seconds, of each mail that waits."""
    async with engine.connect() as connection:
        columns = "attempts, extract(epoch FROM due_at - now()), extract(epoch FROM now() - created_at)"
        return list((await connection.execute(text(f"SELECT {columns} FROM auth.mails"))).all())


async def wait_rows(engine: AsyncEngine, is_so: Callable[[list[Any]], bool]) -> list[Any]:
    """Return the rows once they are as wanted."""
    rows: list[Any] = []

    async def look() -> bool:
        rows[:] = await read_waiting(engine)
        return is_so(rows)

    await eventually(look, DEADLINE_S)
    return rows


async def make_due(engine: AsyncEngine, hours_old: int = 0) -> None:
    """Let the time until the next try have passed, and so many hours."""
    past = f"UPDATE auth.mails SET due_at = now(), created_at = created_at - interval '{hours_old} h'"
    async with engine.begin() as connection:
        await connection.execute(text(past))
