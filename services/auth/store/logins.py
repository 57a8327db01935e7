"""Rows of `logins` and `refresh_tokens`: where a user is signed in. Ending one is in `endings`."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import domain
from services.auth.models import logins, refresh_tokens
from shared.clock import to_wire
from shared.contracts.entities import LoginSession

LOGINS_SHOWN_MAX = 500


async def insert_login(
    connection: AsyncConnection,
    *,
    login_id: str,
    user_id: str,
    address: str,
    user_agent: str,
    token_hash: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Add a login with the first refresh token of its family; both expire together."""
    await connection.execute(
        insert(logins).values(
            id=login_id,
            user_id=user_id,
            created_at=now,
            last_used_at=now,
            expires_at=expires_at,
            address=address or None,
            user_agent=user_agent[: domain.USER_AGENT_MAX] or None,
        )
    )
    await connection.execute(
        insert(refresh_tokens).values(hash=token_hash, login_id=login_id, expires_at=expires_at)
    )


async def find_login_of_token(connection: AsyncConnection, token_hash: bytes) -> tuple[str, str] | None:
    """Return the login and user id that a refresh token belongs to. Takes no lock."""
    statement = (
        select(logins.c.id, logins.c.user_id)
        .join(refresh_tokens, refresh_tokens.c.login_id == logins.c.id)
        .where(refresh_tokens.c.hash == token_hash)
    )
    row = (await connection.execute(statement)).one_or_none()
    return (row.id, row.user_id) if row else None


async def lock_live_login(connection: AsyncConnection, login_id: str, user_id: str) -> bool:
    """Hold a login of that user until commit; False if it has ended or expired, or is not theirs."""
    statement = (
        select(logins.c.id)
        .where(
            logins.c.id == login_id,
            logins.c.user_id == user_id,
            logins.c.ended_at.is_(None),
            logins.c.expires_at > func.clock_timestamp(),
        )
        .with_for_update()
    )
    return (await connection.scalar(statement)) is not None


async def lock_logins(connection: AsyncConnection, user_id: str, *, but: str | None = None) -> list[str]:
    """Hold the logins of a user that have not ended, all or all but one; return their ids.

    The user is locked, so that none begins meanwhile.
    """
    live = (
        select(logins.c.id)
        .where(logins.c.user_id == user_id, logins.c.ended_at.is_(None))
        .order_by(logins.c.id)
        .with_for_update()
    )
    return [login_id for login_id in (await connection.scalars(live)).all() if login_id != but]


async def measure_proof_age(connection: AsyncConnection, login_id: str, user_id: str) -> timedelta | None:
    """Hold a login until commit; return how long ago its owner proved who they are, None if it has ended."""
    proved_at = func.coalesce(logins.c.proved_at, logins.c.created_at)
    statement = (
        select((func.clock_timestamp() - proved_at).label("age"))
        .where(logins.c.id == login_id, logins.c.user_id == user_id, logins.c.ended_at.is_(None))
        .with_for_update()
    )
    age: timedelta | None = await connection.scalar(statement)
    return age


async def note_proof(connection: AsyncConnection, login_id: str) -> None:
    """Note that the owner of a login has proved who they are, now."""
    moved = update(logins).where(logins.c.id == login_id).values(proved_at=func.clock_timestamp())
    await connection.execute(moved)


async def read_refresh_state(
    connection: AsyncConnection, token_hash: bytes, successor_hashes: list[bytes]
) -> domain.RefreshState | None:
    """Return what is known of a token, and the time; only true while its login is locked."""
    successor = refresh_tokens.alias("successor")
    statement = (
        select(
            func.clock_timestamp().label("read_at"),
            logins.c.created_at,
            logins.c.last_used_at,
            refresh_tokens.c.expires_at,
            refresh_tokens.c.used_at,
            successor.c.hash.label("successor_hash"),
            successor.c.used_at.label("successor_used_at"),
        )
        .join(logins, logins.c.id == refresh_tokens.c.login_id)
        .outerjoin(successor, successor.c.hash.in_(successor_hashes))
        .where(refresh_tokens.c.hash == token_hash)
    )
    row = (await connection.execute(statement)).first()  # of several, under several secrets, one is stored
    return domain.RefreshState(*row) if row else None


async def rotate(
    connection: AsyncConnection,
    login_id: str,
    token_hash: bytes,
    successor_hash: bytes,
    *,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Mark a token used and store its successor, which expires as the login does."""
    spend = update(refresh_tokens).where(refresh_tokens.c.hash == token_hash).values(used_at=now)
    succeed = insert(refresh_tokens).values(hash=successor_hash, login_id=login_id, expires_at=expires_at)
    move = update(logins).where(logins.c.id == login_id).values(last_used_at=now, expires_at=expires_at)
    # One statement, one round trip: everybody comes to refresh at once after a node is lost.
    await connection.execute(move.add_cte(spend.cte("spent"), succeed.cte("succeeded")))


async def list_live_logins(connection: AsyncConnection, user_id: str, current_id: str) -> list[LoginSession]:
    """Return where the user is signed in, the latest used first, at most 500."""
    statement = (
        select(logins)
        .where(
            logins.c.user_id == user_id,
            logins.c.ended_at.is_(None),
            logins.c.expires_at > func.clock_timestamp(),
        )
        .order_by(logins.c.last_used_at.desc(), logins.c.id)
        .limit(LOGINS_SHOWN_MAX)
    )
    return [
        LoginSession(
            id=row["id"],
            created_at=to_wire(row["created_at"]),
            last_used_at=to_wire(row["last_used_at"]),
            address=row["address"],
            user_agent=row["user_agent"],
            current=row["id"] == current_id,
        )
        for row in (await connection.execute(statement)).mappings()
    ]


async def has_signed_in_from(connection: AsyncConnection, user_id: str, address: str) -> bool:
    """Whether the user signed in from that very address, by a login that has not expired yet."""
    statement = select(logins.c.id).where(logins.c.user_id == user_id, logins.c.address == address).limit(1)
    return (await connection.scalar(statement)) is not None


async def list_devices(connection: AsyncConnection, user_id: str) -> list[tuple[str | None, str | None]]:
    """Return the addresses and user agents of all logins that are remembered, ended ones too; at most 500."""
    statement = (
        select(logins.c.address, logins.c.user_agent)
        .where(logins.c.user_id == user_id)
        .distinct()
        .limit(LOGINS_SHOWN_MAX)
    )
    return [(row.address, row.user_agent) for row in await connection.execute(statement)]


async def sweep(connection: AsyncConnection) -> None:
    """Delete what has expired. Run it in one process at a time: two could wait for each other."""
    now = func.clock_timestamp()
    await connection.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at < now))
    await connection.execute(delete(logins).where(logins.c.expires_at < now))
