"""Rows that hold something sealed, a batch at a time: for sealing them anew under another secret."""

from dataclasses import dataclass

from sqlalchemy import Column, Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import mails, totp


@dataclass(frozen=True)
class SealedPlace:
    """A table with a column `sealed`, and the key of a row: to that it is sealed."""

    table: Table
    key: Column[str]


TOTP_SECRETS = SealedPlace(totp, totp.c.user_id)
WAITING_MAILS = SealedPlace(mails, mails.c.id)


async def lock_batch(
    connection: AsyncConnection, place: SealedPlace, after: str | None, limit: int
) -> list[tuple[str, bytes]]:
    """Return keys and what is sealed of so many rows, in the order of their keys, and hold them."""
    statement = select(place.key, place.table.c.sealed).order_by(place.key).limit(limit).with_for_update()
    if after is not None:
        statement = statement.where(place.key > after)
    return [(key, sealed) for key, sealed in await connection.execute(statement)]


async def replace(connection: AsyncConnection, place: SealedPlace, key: str, sealed: bytes) -> None:
    """Keep what was sealed anew in a row that is held."""
    await connection.execute(update(place.table).where(place.key == key).values(sealed=sealed))
