"""Rows of `keys`: the sealed signing keys."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import keys


class SealedKey(Struct, frozen=True):
    """A signing key as stored: it signs from `valid_from`, and verifies until `valid_until`."""

    id: str
    sealed: bytes
    valid_from: datetime
    valid_until: datetime | None


async def list_keys(connection: AsyncConnection) -> list[SealedKey]:
    """Return the keys that verify now or will, the oldest first."""
    statement = (
        select(keys.c.id, keys.c.sealed, keys.c.valid_from, keys.c.valid_until)
        .where(or_(keys.c.valid_until.is_(None), keys.c.valid_until > func.clock_timestamp()))
        .order_by(keys.c.valid_from, keys.c.id)
    )
    return [SealedKey(*row) for row in (await connection.execute(statement)).all()]


async def insert_key(connection: AsyncConnection, key: SealedKey) -> None:
    """Add a key."""
    await connection.execute(
        insert(keys).values(
            id=key.id, sealed=key.sealed, valid_from=key.valid_from, valid_until=key.valid_until
        )
    )


async def sweep(connection: AsyncConnection) -> None:
    """Delete keys that verify no more."""
    await connection.execute(delete(keys).where(keys.c.valid_until < func.clock_timestamp()))
