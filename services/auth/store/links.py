"""Rows of `email_links`: what a mailed link is good for. Used once, by deleting its row."""

from datetime import timedelta

from msgspec import Struct
from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import email_links


class Link(Struct, frozen=True):
    """Whose link it is, and the address it was sent to."""

    user_id: str
    email: str


async def insert_link(
    connection: AsyncConnection, token_hash: bytes, purpose: str, link: Link, life: timedelta
) -> None:
    """Add a link that lives from now on."""
    expires_at = func.clock_timestamp() + life
    await connection.execute(
        insert(email_links).values(
            hash=token_hash, purpose=purpose, user_id=link.user_id, email=link.email, expires_at=expires_at
        )
    )


async def find_link(connection: AsyncConnection, token_hash: bytes, purpose: str) -> Link | None:
    """Return a link that can still be used. Only `take_link` decides."""
    statement = select(email_links.c.user_id, email_links.c.email).where(*_usable(token_hash, purpose))
    row = (await connection.execute(statement)).one_or_none()
    return Link(row.user_id, row.email) if row else None


async def take_link(connection: AsyncConnection, token_hash: bytes, purpose: str) -> bool:
    """Use a link up; of many at once one succeeds. Lock the user first: that is the order of all locks."""
    statement = delete(email_links).where(*_usable(token_hash, purpose))
    return (await connection.execute(statement)).rowcount == 1


async def delete_links(
    connection: AsyncConnection, user_id: str, purpose: str, *, except_to: str | None = None
) -> None:
    """Void the links of a user whose row is locked, except those to one address."""
    theirs = [email_links.c.user_id == user_id, email_links.c.purpose == purpose]
    if except_to is not None:
        theirs.append(email_links.c.email != except_to)
    await connection.execute(delete(email_links).where(*theirs))


async def sweep(connection: AsyncConnection) -> None:
    """Delete what has expired."""
    await connection.execute(delete(email_links).where(email_links.c.expires_at < func.clock_timestamp()))


def _usable(token_hash: bytes, purpose: str) -> list[ColumnElement[bool]]:
    return [
        email_links.c.hash == token_hash,
        email_links.c.purpose == purpose,
        email_links.c.expires_at > func.clock_timestamp(),
    ]
