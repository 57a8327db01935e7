"""Rows of `invitations`: tokens with which people may register. Counted in one statement."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import invitations
from shared.clock import to_wire
from shared.contracts.invitations import Invitation
from shared.contracts.limits import INVITATIONS_SHOWN_MAX

_SHOWN = (
    invitations.c.id,
    invitations.c.created_by,
    invitations.c.created_at,
    invitations.c.expires_at,
    invitations.c.max_uses,
    invitations.c.uses,
)


async def insert_invitation(
    connection: AsyncConnection,
    *,
    invitation_id: str,
    token_hash: bytes,
    created_by: str,
    max_uses: int,
    life: timedelta,
) -> Invitation:
    """Add an invitation that lives from now on."""
    now = func.statement_timestamp()
    statement = (
        insert(invitations)
        .values(
            id=invitation_id,
            hash=token_hash,
            created_by=created_by,
            created_at=now,
            expires_at=now + life,
            max_uses=max_uses,
            uses=0,
        )
        .returning(*_SHOWN)
    )
    return _to_invitation((await connection.execute(statement)).one())


async def list_usable(connection: AsyncConnection) -> list[Invitation]:
    """Return what can still be used, the newest first, at most 500."""
    statement = (
        select(*_SHOWN)
        .where(*_usable())
        .order_by(invitations.c.created_at.desc(), invitations.c.id)
        .limit(INVITATIONS_SHOWN_MAX)
    )
    return [_to_invitation(row) for row in await connection.execute(statement)]


async def is_usable(connection: AsyncConnection, token_hash: bytes) -> bool:
    """Whether a token would be taken now. Only `use` decides."""
    statement = select(invitations.c.id).where(invitations.c.hash == token_hash, *_usable())
    return (await connection.scalar(statement)) is not None


async def use(connection: AsyncConnection, token_hash: bytes) -> str | None:
    """Use a token once and return its invitation's id; None if it is used up, expired or revoked."""
    statement = (
        update(invitations)
        .where(invitations.c.hash == token_hash, *_usable())
        .values(uses=invitations.c.uses + 1)
        .returning(invitations.c.id)
    )
    used: str | None = await connection.scalar(statement)
    return used


async def revoke(connection: AsyncConnection, invitation_id: str) -> bool:
    """End an invitation; False if there is none that could still be used."""
    statement = (
        update(invitations)
        .where(invitations.c.id == invitation_id, *_usable())
        .values(revoked_at=func.clock_timestamp())
    )
    return (await connection.execute(statement)).rowcount == 1


async def sweep(connection: AsyncConnection) -> None:
    """Delete what has expired."""
    await connection.execute(delete(invitations).where(invitations.c.expires_at < func.clock_timestamp()))


def _usable() -> list[ColumnElement[bool]]:
    return [
        invitations.c.uses < invitations.c.max_uses,
        invitations.c.expires_at > func.clock_timestamp(),
        invitations.c.revoked_at.is_(None),
    ]


def _to_invitation(row: Row[str, str, datetime, datetime, int, int]) -> Invitation:
    return Invitation(
        id=row[0],
        created_by=row[1],
        created_at=to_wire(row[2]),
        expires_at=to_wire(row[3]),
        max_uses=row[4],
        uses=row[5],
    )
