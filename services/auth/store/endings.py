"""What ends access before a token expires: each writes its row of `revocations` in the same transaction.

The caller publishes what is returned as the hint `auth.revoked`, after the commit.
"""

from datetime import datetime
from typing import Literal

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import domain
from services.auth.models import (
    api_tokens,
    bots,
    logins,
    refresh_tokens,
    revocation_counter,
    revocations,
    users,
)
from services.auth.store.database import read_clock
from services.auth.store.logins import lock_logins
from services.auth.store.users import hold_user
from shared.contracts.entities import UserRole
from shared.contracts.internal import Revocation, Revocations


async def end_login(connection: AsyncConnection, login_id: str) -> Revocation:
    """End a login that the caller has locked: its refresh tokens are gone, its access tokens void."""
    [revocation] = await end_logins(connection, [login_id])
    return revocation


async def end_logins(connection: AsyncConnection, login_ids: list[str]) -> list[Revocation]:
    """The same for several, each with a row of its own: the user's other logins go on."""
    now = await read_clock(connection)
    await _end(connection, login_ids, now)
    return [await _revoke(connection, "login", login_id, now) for login_id in login_ids]


async def end_token(connection: AsyncConnection, token_id: str) -> Revocation:
    """End an API token that the caller has locked, as if it were a login."""
    now = await read_clock(connection)
    await connection.execute(update(api_tokens).where(api_tokens.c.id == token_id).values(ended_at=now))
    return await _revoke(connection, "login", token_id, now)


async def end_tokens(connection: AsyncConnection, user_id: str) -> list[Revocation]:
    """End all API tokens of a user, each with a row of its own; those of their bots go on."""
    return await _end_tokens(connection, [user_id], await read_clock(connection))


async def deactivate(connection: AsyncConnection, user_id: str) -> Revocation | None:
    """Deactivate a user and end all their logins, API tokens, and those of their bots.

    None if there is no such active user.
    """
    active = (users.c.id == user_id) & users.c.deactivated_at.is_(None)
    if not await hold_user(connection, user_id):
        return None
    now = await read_clock(connection)
    changed = await connection.execute(update(users).where(active).values(deactivated_at=now))
    if changed.rowcount == 0:
        return None
    await _end_logins(connection, user_id, now)
    owned = select(bots.c.user_id).where(bots.c.owner_id == user_id)
    await _end_tokens(connection, [user_id, *await connection.scalars(owned)], now)
    return await _revoke(connection, "user", user_id, now, deactivated=True)


async def end_all_logins(connection: AsyncConnection, user_id: str) -> Revocation | None:
    """End all logins of the user; None if there is no such user."""
    if not await hold_user(connection, user_id):
        return None
    now = await read_clock(connection)
    await _end_logins(connection, user_id, now)
    return await _revoke(connection, "user", user_id, now)


async def change_password(
    connection: AsyncConnection, user_id: str, password_hash: str, expires_at: datetime | None = None
) -> Revocation | None:
    """Set a password and end all logins and API tokens of the user; None if there is no such user.

    One that somebody else chose expires; unless it is given, the password stays good.
    """
    if not await hold_user(connection, user_id):
        return None
    now = await read_clock(connection)
    password = {"password_hash": password_hash, "password_expires_at": expires_at}
    await connection.execute(update(users).where(users.c.id == user_id).values(password))
    await _end_logins(connection, user_id, now)
    await _end_tokens(connection, [user_id], now)
    return await _revoke(connection, "user", user_id, now)


async def change_role(connection: AsyncConnection, user_id: str, role: UserRole) -> Revocation | None:
    """Set a role; logins go on, access tokens with the old role are void. None if nothing changed."""
    if not await hold_user(connection, user_id):
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


async def _end_logins(connection: AsyncConnection, user_id: str, now: datetime) -> None:
    """End every login of a user whose row is locked; the row of kind `user` voids their tokens."""
    await _end(connection, await lock_logins(connection, user_id), now)


async def _end(connection: AsyncConnection, login_ids: list[str], now: datetime) -> None:
    await connection.execute(update(logins).where(logins.c.id.in_(login_ids)).values(ended_at=now))
    await connection.execute(delete(refresh_tokens).where(refresh_tokens.c.login_id.in_(login_ids)))


async def _end_tokens(connection: AsyncConnection, user_ids: list[str], now: datetime) -> list[Revocation]:
    """End every API token of these users. Each has a row of its own: one that is just being looked up
    is void, too, and a node that hears of what is written next pulls them all.
    """
    live = (
        select(api_tokens.c.id)
        .where(api_tokens.c.user_id.in_(user_ids), api_tokens.c.ended_at.is_(None))
        .order_by(api_tokens.c.id)
        .with_for_update()
    )
    token_ids = list((await connection.scalars(live)).all())
    await connection.execute(update(api_tokens).where(api_tokens.c.id.in_(token_ids)).values(ended_at=now))
    return await _revoke_logins(connection, token_ids, now)


async def _revoke_logins(connection: AsyncConnection, ids: list[str], now: datetime) -> list[Revocation]:
    """Write a row of kind `login` for each id, in one statement however many there are."""
    if not ids:
        return []
    raised = update(revocation_counter).values(rev=revocation_counter.c.rev + len(ids))
    newest: int = (await connection.execute(raised.returning(revocation_counter.c.rev))).scalar_one()
    until = now + domain.REVOCATION_LIFE
    made = [
        Revocation(rev, "login", each, now.timestamp(), int(until.timestamp()))
        for rev, each in enumerate(ids, newest - len(ids) + 1)
    ]
    rows = [
        {
            "rev": each.rev,
            "kind": each.kind,
            "subject_id": each.id,
            "issued_before": now,
            "until": until,
            "deactivated": False,
        }
        for each in made
    ]
    await connection.execute(insert(revocations).values(rows))
    return made


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
