"""Rows of `keys`, the sealed signing keys, and of `retired_keys`, the public parts of those before."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import keys, retired_keys


class SealedKey(Struct, frozen=True):
    """A signing key as stored: it signs from `valid_from`, and verifies until `valid_until`."""

    id: str
    sealed: bytes
    valid_from: datetime
    valid_until: datetime | None


class RetiredKey(Struct, frozen=True):
    """What is left of a key that signs no more: 32 bytes that verify."""

    id: str
    public: bytes
    valid_until: datetime


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


async def end_keys(connection: AsyncConnection, valid_until: datetime, *, but: str) -> None:
    """Let all keys but one verify no longer than until then."""
    longer = or_(keys.c.valid_until.is_(None), keys.c.valid_until > valid_until)
    await connection.execute(update(keys).where(keys.c.id != but, longer).values(valid_until=valid_until))
    await connection.execute(
        update(retired_keys).where(retired_keys.c.valid_until > valid_until).values(valid_until=valid_until)
    )


async def replace_sealed(connection: AsyncConnection, key_id: str, sealed: bytes) -> None:
    """Keep a key sealed anew in place of what was there."""
    await connection.execute(update(keys).where(keys.c.id == key_id).values(sealed=sealed))


async def retire_key(connection: AsyncConnection, key: RetiredKey) -> None:
    """Keep the public part of a key, and destroy the private one."""
    await connection.execute(
        insert(retired_keys).values(id=key.id, public=key.public, valid_until=key.valid_until)
    )
    await connection.execute(delete(keys).where(keys.c.id == key.id))


async def list_retired_keys(connection: AsyncConnection) -> list[RetiredKey]:
    """Return those that still verify."""
    statement = (
        select(retired_keys.c.id, retired_keys.c.public, retired_keys.c.valid_until)
        .where(retired_keys.c.valid_until > func.clock_timestamp())
        .order_by(retired_keys.c.valid_until, retired_keys.c.id)
    )
    return [RetiredKey(*row) for row in (await connection.execute(statement)).all()]


async def sweep(connection: AsyncConnection) -> None:
    """Delete keys that verify no more."""
    for table in (keys, retired_keys):
        await connection.execute(delete(table).where(table.c.valid_until < func.clock_timestamp()))
