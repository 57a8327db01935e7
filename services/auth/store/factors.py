"""Rows of `totp` and `recovery_codes`. The statement that finds a code spends it: once, on any node."""

from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import recovery_codes, totp

# A secret that was shown and not confirmed for so long is of no use any more.
UNCONFIRMED_LIFE = timedelta(minutes=15)


class StoredTotp(Struct, frozen=True):
    sealed: bytes
    begun_at: datetime
    confirmed_at: datetime | None
    last_step: int


async def find_totp(connection: AsyncConnection, user_id: str) -> StoredTotp | None:
    """Return the user's secret, confirmed or not."""
    columns = (totp.c.sealed, totp.c.begun_at, totp.c.confirmed_at, totp.c.last_step)
    row = (await connection.execute(select(*columns).where(totp.c.user_id == user_id))).one_or_none()
    return StoredTotp(*row) if row else None


async def is_totp_on(connection: AsyncConnection, user_id: str) -> bool:
    """Whether a password alone is not enough."""
    statement = select(totp.c.user_id).where(totp.c.user_id == user_id, totp.c.confirmed_at.is_not(None))
    return (await connection.scalar(statement)) is not None


async def put_unconfirmed(connection: AsyncConnection, user_id: str, sealed: bytes, now: datetime) -> bool:
    """Keep a new secret in place of one that was never confirmed; False if one was."""
    values = {"sealed": sealed, "begun_at": now, "last_step": 0}
    statement = (
        postgresql.insert(totp)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(
            index_elements=[totp.c.user_id], set_=values, where=totp.c.confirmed_at.is_(None)
        )
        .returning(totp.c.user_id)
    )
    return (await connection.scalar(statement)) is not None


async def confirm(connection: AsyncConnection, user_id: str, step: int, now: datetime) -> None:
    """Turn the kept secret on; the code that proved it is spent."""
    changed = update(totp).where(totp.c.user_id == user_id).values(confirmed_at=now, last_step=step)
    await connection.execute(changed)


async def spend_step(connection: AsyncConnection, user_id: str, step: int) -> bool:
    """Take a step for used; False if it, or a later one, was before."""
    statement = (
        update(totp)
        .where(totp.c.user_id == user_id, totp.c.confirmed_at.is_not(None), totp.c.last_step < step)
        .values(last_step=step)
        .returning(totp.c.user_id)
    )
    return (await connection.scalar(statement)) is not None


async def remove_totp(connection: AsyncConnection, user_id: str) -> bool:
    """Forget secret and recovery codes; False if TOTP was not on."""
    await connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    removed = delete(totp).where(totp.c.user_id == user_id, totp.c.confirmed_at.is_not(None))
    return (await connection.scalar(removed.returning(totp.c.user_id))) is not None


async def replace_recovery_codes(connection: AsyncConnection, user_id: str, hashes: list[bytes]) -> None:
    """Keep these and no others."""
    await connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    await connection.execute(insert(recovery_codes), [{"user_id": user_id, "hash": each} for each in hashes])


async def spend_recovery_code(connection: AsyncConnection, user_id: str, hashes: list[bytes]) -> bool:
    """Spend a code that has one of these hashes; of many who try it at once, one has it."""
    statement = (
        delete(recovery_codes)
        .where(recovery_codes.c.user_id == user_id, recovery_codes.c.hash.in_(hashes))
        .returning(recovery_codes.c.user_id)
    )
    return (await connection.scalar(statement)) is not None


async def count_recovery_codes(connection: AsyncConnection, user_id: str) -> int:
    """Return how many are left."""
    statement = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user_id)
    return int((await connection.scalar(statement)) or 0)


async def sweep(connection: AsyncConnection) -> None:
    """Delete secrets that were never confirmed."""
    begun = totp.c.begun_at < func.clock_timestamp() - UNCONFIRMED_LIFE
    await connection.execute(delete(totp).where(totp.c.confirmed_at.is_(None), begun))
