"""Rows of `identities`: accounts elsewhere by which users sign in, found by issuer and subject."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import identities
from shared.clock import to_wire
from shared.contracts.identities import Identity

# The issuer of who is in the directory: no provider's, as those are addresses.
DIRECTORY = "ldap"
# More accounts than anybody has; a bound for what is listed.
IDENTITIES_MAX = 20

_SHOWN = (
    identities.c.id, identities.c.provider_id, identities.c.issuer, identities.c.email,
    identities.c.linked_at, identities.c.last_used_at,
)  # fmt: skip


class NewIdentity(Struct, frozen=True):
    provider_id: str
    provider_name: str
    issuer: str
    subject: str
    email: str | None


class Owner(Struct, frozen=True):
    identity_id: str
    user_id: str


async def insert_identity(
    connection: AsyncConnection, user_id: str, made: NewIdentity, *, identity_id: str, now: datetime
) -> Identity | None:
    """Add an identity of a user whose row is locked; None if it is somebody's already."""
    statement = (
        postgresql.insert(identities)
        .values(
            id=identity_id,
            user_id=user_id,
            provider_id=made.provider_id,
            issuer=made.issuer,
            subject=made.subject,
            email=made.email,
            linked_at=now,
        )
        .on_conflict_do_nothing(constraint="identities_by_subject")
        .returning(*_SHOWN)
    )
    row = (await connection.execute(statement)).one_or_none()
    return _show(row, {made.issuer: made.provider_name}) if row else None


async def find_owner(connection: AsyncConnection, issuer: str, subject: str) -> Owner | None:
    """Return whose identity this is. Only `note_use`, once the user is locked, says that it still is."""
    statement = select(identities.c.id, identities.c.user_id).where(
        identities.c.issuer == issuer, identities.c.subject == subject
    )
    row = (await connection.execute(statement)).one_or_none()
    return Owner(*row) if row else None


async def note_use(connection: AsyncConnection, owner: Owner, email: str | None) -> bool:
    """Note that a locked user signs in by it, and the address; False if it was removed meanwhile."""
    return await _touch(connection, owner, {"email": email})


async def touch(connection: AsyncConnection, owner: Owner) -> bool:
    """The same, where no address was heard."""
    return await _touch(connection, owner, {})


async def _touch(connection: AsyncConnection, owner: Owner, values: dict[str, str | None]) -> bool:
    statement = (
        update(identities)
        .where(identities.c.id == owner.identity_id, identities.c.user_id == owner.user_id)
        .values(last_used_at=func.clock_timestamp(), **values)
    )
    return (await connection.execute(statement)).rowcount == 1


async def list_identities(
    connection: AsyncConnection, user_id: str, name_by_issuer: Mapping[str, str]
) -> list[Identity]:
    """Return all of a user, the oldest first; one whose provider is gone is named by its old id."""
    statement = select(*_SHOWN).where(identities.c.user_id == user_id).order_by(identities.c.linked_at)
    return [_show(row, name_by_issuer) for row in await connection.execute(statement)]


async def count_identities(connection: AsyncConnection, user_id: str) -> int:
    """Return how many a user has, wherever."""
    statement = select(func.count()).select_from(identities).where(identities.c.user_id == user_id)
    return (await connection.execute(statement)).scalar_one()


async def has_at(connection: AsyncConnection, user_id: str, issuers: Iterable[str]) -> bool:
    """Whether the user can sign in by one at one of these."""
    statement = select(identities.c.id).where(
        identities.c.user_id == user_id, identities.c.issuer.in_(list(issuers))
    )
    return (await connection.scalar(statement.limit(1))) is not None


async def has_at_provider(connection: AsyncConnection, user_id: str) -> bool:
    """Whether the user has one elsewhere than in the directory."""
    statement = select(identities.c.id).where(
        identities.c.user_id == user_id, identities.c.issuer != DIRECTORY
    )
    return (await connection.scalar(statement.limit(1))) is not None


async def remove(connection: AsyncConnection, user_id: str, identity_id: str) -> bool:
    """Remove one of a user's; False if there is none."""
    theirs = (identities.c.id == identity_id) & (identities.c.user_id == user_id)
    return (await connection.execute(delete(identities).where(theirs))).rowcount == 1


def _show(
    row: Row[str, str, str, str | None, datetime, datetime | None], name_by_issuer: Mapping[str, str]
) -> Identity:
    identity_id, provider_id, issuer, email, linked_at, last_used_at = row
    return Identity(
        id=identity_id,
        provider_id=provider_id,
        provider_name=name_by_issuer.get(issuer, provider_id),
        email=email,
        linked_at=to_wire(linked_at),
        last_used_at=to_wire(last_used_at) if last_used_at else None,
    )
