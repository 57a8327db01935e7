"""What only time, or another way of signing in, would do to an account: done to its rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.stack import Stack


@asynccontextmanager
async def _connect(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    database = await asyncpg.connect(stack.endpoints.database_url)
    try:
        yield database
    finally:
        await database.close()


async def age_logins(stack: Stack, username: str) -> None:
    """Let more than ten minutes pass since this user last proved who they are."""
    async with _connect(stack) as database:
        changed = await database.execute(
            "UPDATE auth.logins SET created_at = created_at - interval '11 min',"
            " proved_at = proved_at - interval '11 min'"
            " WHERE user_id = (SELECT id FROM auth.users WHERE username = $1)",
            username,
        )
    assert changed != "UPDATE 0"


async def take_password_away(stack: Stack, username: str) -> None:
    """Let this user be one who never had a password."""
    async with _connect(stack) as database:
        sql = "UPDATE auth.users SET password_hash = NULL WHERE username = $1"
        assert await database.execute(sql, username) == "UPDATE 1"


async def forget_totp_step(stack: Stack, username: str) -> None:
    """Let the code that was used last be long ago: each is good once."""
    async with _connect(stack) as database:
        changed = await database.execute(
            "UPDATE auth.totp SET last_step = 0"
            " WHERE user_id = (SELECT id FROM auth.users WHERE username = $1)",
            username,
        )
    assert changed == "UPDATE 1"
