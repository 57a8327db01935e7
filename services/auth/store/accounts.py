"""Accounts as administrators see and change them. What ends logins is in `endings`."""

from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import domain
from services.auth.domain import NamePosition
from services.auth.models import (
    identities,
    logins,
    passkeys,
    pending_logins,
    recovery_codes,
    totp,
    users,
)
from services.auth.store.identities import DIRECTORY
from services.auth.store.users import list_profiles
from shared.clock import to_wire
from shared.contracts.admin import AdminUser, ListUsers
from shared.contracts.entities import UserRole

# What proves who somebody is, beside the password, and what waits for such a proof.
_FACTOR_TABLES = (totp, recovery_codes, passkeys, pending_logins)


class Standing(Struct, frozen=True):
    """What decides over what somebody may do, and what may be done to them."""

    role: UserRole
    is_active: bool

    @property
    def is_admin(self) -> bool:
        """Whether they are one, and can act as one."""
        return self.role == "admin" and self.is_active


async def lock_standings(connection: AsyncConnection, user_ids: list[str]) -> dict[str, Standing]:
    """Return how these users, and all active administrators, stand, and hold them until commit.

    Always in the order of their ids: two who demote each other at once come one after the other.
    """
    active_admin = and_(users.c.role == "admin", users.c.deactivated_at.is_(None))
    statement = (
        select(users.c.id, users.c.role, users.c.deactivated_at)
        .where(or_(users.c.id.in_(user_ids), active_admin))
        .order_by(users.c.id)
        .with_for_update()
    )
    rows = (await connection.execute(statement)).all()
    return {row.id: Standing(row.role, row.deactivated_at is None) for row in rows}


async def is_admin(connection: AsyncConnection, user_id: str) -> bool:
    """Whether that is an active administrator now."""
    statement = select(users.c.id).where(
        users.c.id == user_id, users.c.role == "admin", users.c.deactivated_at.is_(None)
    )
    return (await connection.scalar(statement)) is not None


async def has_admins(connection: AsyncConnection) -> bool:
    """Whether there is an active administrator at all."""
    found = select(users.c.id).where(users.c.role == "admin", users.c.deactivated_at.is_(None)).limit(1)
    return (await connection.scalar(found)) is not None


async def reactivate(connection: AsyncConnection, user_id: str) -> None:
    """Let a user in again; their logins have ended."""
    await connection.execute(update(users).where(users.c.id == user_id).values(deactivated_at=None))


async def make_admin(connection: AsyncConnection, user_id: str) -> None:
    """Give the role to an account that nobody has used yet; else it is `endings.change_role`."""
    await connection.execute(update(users).where(users.c.id == user_id).values(role="admin"))


async def let_password_expire(connection: AsyncConnection, user_id: str, at: datetime) -> None:
    """Let the password of a new account be good only until then."""
    await connection.execute(update(users).where(users.c.id == user_id).values(password_expires_at=at))


async def remove_factors(connection: AsyncConnection, user_id: str) -> int:
    """Delete what a user proves themselves with beside the password; return how much that was."""
    deleted = [
        await connection.execute(delete(table).where(table.c.user_id == user_id)) for table in _FACTOR_TABLES
    ]
    # Who they are in the directory is nothing that anybody could have added.
    added = and_(identities.c.user_id == user_id, identities.c.issuer != DIRECTORY)
    deleted.append(await connection.execute(delete(identities).where(added)))
    return sum(each.rowcount for each in deleted)


async def find_account(connection: AsyncConnection, user_id: str) -> AdminUser | None:
    """Return one account."""
    found = await _list(connection, [users.c.id == user_id], 1)
    return found[0][1] if found else None


async def list_accounts(
    connection: AsyncConnection, asked: ListUsers, after: NamePosition | None, limit: int
) -> list[tuple[NamePosition, AdminUser]]:
    """Return those that are asked for, deactivated ones too, by display name."""
    wanted: list[ColumnElement[bool]] = [true()]
    if asked.q:
        wanted.append(
            or_(
                users.c.display_key.op("^@")(domain.fold_name(asked.q)),
                users.c.username.op("^@")(domain.fold_username(asked.q)),
            )
        )
    if asked.role:
        wanted.append(users.c.role == asked.role)
    if asked.state:
        wanted.append(users.c.deactivated_at.is_(None) == (asked.state == "active"))
    if after:
        place = tuple_(users.c.display_key, users.c.username)
        wanted.append(place > tuple_(after.display_key, after.username))
    return await _list(connection, wanted, limit)


async def _list(
    connection: AsyncConnection, wanted: list[ColumnElement[bool]], limit: int
) -> list[tuple[NamePosition, AdminUser]]:
    own = logins.c.user_id == users.c.id
    is_live = and_(own, logins.c.ended_at.is_(None), logins.c.expires_at > func.clock_timestamp())
    statement = (
        select(
            users.c.id,
            users.c.display_key,
            users.c.username,
            users.c.deactivated_at,
            select(func.max(logins.c.last_used_at)).where(own).scalar_subquery().label("last_used_at"),
            select(func.count()).select_from(logins).where(is_live).scalar_subquery().label("login_count"),
        )
        .where(*wanted)
        .order_by(users.c.display_key, users.c.username)
        .limit(limit)
    )
    rows = (await connection.execute(statement)).all()
    profiles = {me.id: me for me in await list_profiles(connection, [row.id for row in rows])}
    return [
        (
            NamePosition(row.display_key, row.username),
            AdminUser(
                **msgspec.structs.asdict(profiles[row.id]),
                deactivated_at=to_wire(row.deactivated_at) if row.deactivated_at else None,
                last_used_at=to_wire(row.last_used_at) if row.last_used_at else None,
                login_count=row.login_count,
            ),
        )
        for row in rows
        if row.id in profiles
    ]
