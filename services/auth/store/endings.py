"""What ends access before a token expires: each writes its row of `revocations` in the same transaction.

The caller publishes what is returned as the hint `auth.revoked`, after the commit.
"""

from datetime import datetime
from typing import Literal

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import domain
from services.auth.models import logins, refresh_tokens, revocation_counter, revocations, users
from services.auth.store.database import read_clock
from shared.contracts.entities import UserRole
from shared.contracts.internal import Revocation, Revocations


async def end_login(connection: AsyncConnection, login_id: str) -> Revocation:
    """End a login that the caller has locked: its refresh tokens are gone, its access tokens void."""
    now = await read_clock(connection)
    await connection.execute(update(logins).where(logins.c.id == login_id).values(ended_at=now))
    await connection.execute(delete(refresh_tokens).where(refresh_tokens.c.login_id == login_id))
    return await _revoke(connection, "login", login_id, now)


async def deactivate(connection: AsyncConnection, user_id: str) -> Revocation | None:
    """Deactivate a user and end all their logins; None if there is no such active user."""
    active = (users.c.id == user_id) & users.c.deactivated_at.is_(None)
    if not await _lock_user(connection, user_id):
        return None
    now = await read_clock(connection)
    changed = await connection.execute(update(users).where(active).values(deactivated_at=now))
    if changed.rowcount == 0:
        return None
    await _end_logins(connection, user_id, now)
    return await _revoke(connection, "user", user_id, now, deactivated=True)


async def change_password(connection: AsyncConnection, user_id: str, password_hash: str) -> Revocation | None:
    """Set a password and end all logins of the user; None if there is no such user."""
    if not await _lock_user(connection, user_id):
        return None
    now = await read_clock(connection)
    await connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))
    await _end_logins(connection, user_id, now)
    return await _revoke(connection, "user", user_id, now)


async def hold_logins(connection: AsyncConnection, user_id: str) -> None:
    """Hold all logins of a user whose row is locked, until commit: these come before the audit log."""
    await connection.execute(_live_logins(user_id))


async def end_other_logins(connection: AsyncConnection, user_id: str, kept_login_id: str) -> list[Revocation]:
    """End every login of a user whose row is locked, except one."""
    now = await read_clock(connection)
    others = [each for each in await connection.scalars(_live_logins(user_id)) if each != kept_login_id]
    await connection.execute(update(logins).where(logins.c.id.in_(others)).values(ended_at=now))
    await connection.execute(delete(refresh_tokens).where(refresh_tokens.c.login_id.in_(others)))
    return [await _revoke(connection, "login", login_id, now) for login_id in others]


async def change_role(connection: AsyncConnection, user_id: str, role: UserRole) -> Revocation | None:
    """Set a role; logins go on, access tokens with the old role are void. None if nothing changed."""
    if not await _lock_user(connection, user_id):
        return None
    now = await read_clock(connection)
    other = (users.c.id == user_id) & (users.c.role != role)
    changed = await connection.execute(update(users).where(other).values(role=role))
    return await _revoke(connection, "role", user_id, now) if changed.rowcount else None


async def list_revocations(connection: AsyncConnection, after_rev: int) -> Revocations:
    """Return the kept rows after `after_rev`, ascending, and the newest rev, in one snapshot."""
    statement = (
        select(revocation_counter.c.rev.label("newest"), revocations)
        .outerjoin(revocations, revocations.c.rev > after_rev)
        .order_by(revocations.c.rev)
    )
    rows = (await connection.execute(statement)).mappings().all()
    return Revocations(
        rev=rows[0]["newest"],
        rows=[
            Revocation(
                rev=row["rev"],
                kind=row["kind"],
                id=row["subject_id"],
                issued_before=row["issued_before"].timestamp(),
                until=int(row["until"].timestamp()),
                deactivated=row["deactivated"],
            )
            for row in rows
            if row["rev"] is not None
        ],
    )


async def sweep(connection: AsyncConnection) -> None:
    """Delete the rows whose tokens have all expired; the counter keeps counting."""
    await connection.execute(delete(revocations).where(revocations.c.until < func.clock_timestamp()))


async def _lock_user(connection: AsyncConnection, user_id: str) -> bool:
    statement = select(users.c.id).where(users.c.id == user_id).with_for_update()
    return (await connection.scalar(statement)) is not None


async def _end_logins(connection: AsyncConnection, user_id: str, now: datetime) -> None:
    """End every login of a user whose row is locked; the row of kind `user` voids their tokens."""
    login_ids = list((await connection.scalars(_live_logins(user_id))).all())
    await connection.execute(update(logins).where(logins.c.id.in_(login_ids)).values(ended_at=now))
    await connection.execute(delete(refresh_tokens).where(refresh_tokens.c.login_id.in_(login_ids)))


def _live_logins(user_id: str) -> Select[str]:
    return (
        select(logins.c.id)
        .where(logins.c.user_id == user_id, logins.c.ended_at.is_(None))
        .order_by(logins.c.id)
        .with_for_update()
    )


async def _revoke(
    connection: AsyncConnection,
    kind: Literal["login", "user", "role"],
    subject_id: str,
    now: datetime,
    *,
    deactivated: bool = False,
) -> Revocation:
    """Take the next rev and write its row. The last thing a transaction does: it holds the counter."""
    raised = update(revocation_counter).values(rev=revocation_counter.c.rev + 1)
    rev: int = (await connection.execute(raised.returning(revocation_counter.c.rev))).scalar_one()
    until = now + domain.REVOCATION_LIFE
    await connection.execute(
        insert(revocations).values(
            rev=rev, kind=kind, subject_id=subject_id, issued_before=now, until=until, deactivated=deactivated
        )
    )
    return Revocation(rev, kind, subject_id, now.timestamp(), int(until.timestamp()), deactivated)
