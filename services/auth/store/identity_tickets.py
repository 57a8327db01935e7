"""Rows of `identity_tickets`: who was proved at a provider, and is to be linked or to register. Used once."""

from datetime import timedelta

from msgspec import Struct
from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import identity_tickets

TICKET_LIFE = timedelta(minutes=10)


class Ticket(Struct, frozen=True):
    """What the provider has said. `user_id`: who may link it; None: it is good for registering."""

    user_id: str | None
    provider_id: str
    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    is_admin: bool


_TICKET = (
    identity_tickets.c.user_id, identity_tickets.c.provider_id, identity_tickets.c.issuer,
    identity_tickets.c.subject, identity_tickets.c.email, identity_tickets.c.email_verified,
    identity_tickets.c.is_admin,
)  # fmt: skip


async def insert_ticket(connection: AsyncConnection, token_hash: bytes, ticket: Ticket) -> None:
    """Add a ticket that lives from now on."""
    await connection.execute(
        insert(identity_tickets).values(
            token_hash=token_hash,
            user_id=ticket.user_id,
            provider_id=ticket.provider_id,
            issuer=ticket.issuer,
            subject=ticket.subject,
            email=ticket.email,
            email_verified=ticket.email_verified,
            is_admin=ticket.is_admin,
            expires_at=func.clock_timestamp() + TICKET_LIFE,
        )
    )


async def find_ticket(connection: AsyncConnection, token_hash: bytes, user_id: str | None) -> Ticket | None:
    """Return a ticket that can still be used. Only `take` decides."""
    row = (await connection.execute(select(*_TICKET).where(*_usable(token_hash, user_id)))).one_or_none()
    return Ticket(*row) if row else None


async def take(connection: AsyncConnection, token_hash: bytes, user_id: str | None) -> Ticket | None:
    """Return a ticket and forget it with the commit; None if it is unknown, taken, expired, another's."""
    statement = delete(identity_tickets).where(*_usable(token_hash, user_id)).returning(*_TICKET)
    row = (await connection.execute(statement)).one_or_none()
    return Ticket(*row) if row else None


async def sweep(connection: AsyncConnection) -> None:
    """Delete what has expired."""
    await connection.execute(
        delete(identity_tickets).where(identity_tickets.c.expires_at < func.clock_timestamp())
    )


def _usable(token_hash: bytes, user_id: str | None) -> list[ColumnElement[bool]]:
    return [
        identity_tickets.c.token_hash == token_hash,
        identity_tickets.c.user_id.is_not_distinct_from(user_id),
        identity_tickets.c.expires_at > func.clock_timestamp(),
    ]
