"""The e-mail addresses in `users`: unique once verified, whoever is first."""

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import users

# Unverified addresses are not unique: somebody may have registered many accounts with one.
_UNVERIFIED_MAX = 5


async def set_verified(connection: AsyncConnection, user_id: str, email: str) -> bool:
    """Give a user whose row is locked an address that is theirs; False if another account was first."""
    statement = (
        update(users)
        .where(users.c.id == user_id)
        .values(email=email, email_verified=True, must_verify_email=False)
    )
    try:
        async with connection.begin_nested():
            await connection.execute(statement)
    except IntegrityError:
        return False
    return True


async def must_verify(connection: AsyncConnection, user_id: str) -> bool:
    """Whether an account waits for its address to be verified before anybody signs in to it."""
    return bool(await connection.scalar(select(users.c.must_verify_email).where(users.c.id == user_id)))


async def find_resettable(connection: AsyncConnection, email: str) -> tuple[str, str] | None:
    """Return id and name of who may set a new password by a link to this address.

    Only who has a password: an account that signs in elsewhere gets none by this way.
    """
    statement = select(users.c.id, users.c.username).where(
        users.c.email_verified,
        func.lower(users.c.email) == func.lower(email),
        users.c.deactivated_at.is_(None),
        users.c.password_hash.is_not(None),
        users.c.role != "bot",
    )
    row = (await connection.execute(statement)).one_or_none()
    return (row.id, row.username) if row else None


async def list_unverified(connection: AsyncConnection, email: str) -> list[tuple[str, str, str]]:
    """Return id, name and address as written of active accounts that have yet to verify it, at most five."""
    statement = (
        select(users.c.id, users.c.username, users.c.email)
        .where(
            ~users.c.email_verified,
            users.c.email.is_not(None),
            func.lower(users.c.email) == func.lower(email),
            users.c.deactivated_at.is_(None),
            users.c.password_hash.is_not(None),
        )
        .order_by(users.c.created_at.desc())
        .limit(_UNVERIFIED_MAX)
    )
    return [(row.id, row.username, row.email) for row in await connection.execute(statement)]
