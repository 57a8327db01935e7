"""Rows of `pending_logins`: whoever gave the right password and owes a second factor."""

from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import pending_logins

PENDING_LIFE = timedelta(minutes=5)
# Enough for a code that was mistyped or ran out; guessing is limited per account besides.
TRIES = 5


class PendingLogin(Struct, frozen=True):
    token_hash: bytes
    user_id: str
    password_mark: bytes


_is_live = pending_logins.c.expires_at > func.clock_timestamp()


async def insert_pending(connection: AsyncConnection, pending: PendingLogin, now: datetime) -> None:
    """Remember who owes a second factor."""
    await connection.execute(
        insert(pending_logins).values(
            token_hash=pending.token_hash,
            user_id=pending.user_id,
            password_mark=pending.password_mark,
            expires_at=now + PENDING_LIFE,
            tries_left=TRIES,
        )
    )


async def find_pending(connection: AsyncConnection, token_hash: bytes) -> PendingLogin | None:
    """Return whose token this is, while it has tries left."""
    columns = (pending_logins.c.token_hash, pending_logins.c.user_id, pending_logins.c.password_mark)
    statement = select(*columns).where(
        pending_logins.c.token_hash == token_hash, pending_logins.c.tries_left > 0, _is_live
    )
    row = (await connection.execute(statement)).one_or_none()
    return PendingLogin(*row) if row else None


async def spend_try(connection: AsyncConnection, token_hash: bytes) -> bool:
    """Take one try; False if none is left. Commit before looking at what was tried."""
    statement = (
        update(pending_logins)
        .where(pending_logins.c.token_hash == token_hash, pending_logins.c.tries_left > 0, _is_live)
        .values(tries_left=pending_logins.c.tries_left - 1)
        .returning(pending_logins.c.tries_left)
    )
    return (await connection.scalar(statement)) is not None


async def finish(connection: AsyncConnection, token_hash: bytes) -> bool:
    """Forget it because the login begins; of many at once, one may."""
    statement = delete(pending_logins).where(pending_logins.c.token_hash == token_hash)
    return (await connection.scalar(statement.returning(pending_logins.c.user_id))) is not None


async def forget_of_user(connection: AsyncConnection, user_id: str) -> None:
    """What was owed before a change of factors is owed no more: sign in anew."""
    await connection.execute(delete(pending_logins).where(pending_logins.c.user_id == user_id))


async def sweep(connection: AsyncConnection) -> None:
    """Delete what has expired."""
    await connection.execute(
        delete(pending_logins).where(pending_logins.c.expires_at < func.clock_timestamp())
    )
