"""Rows of `bots`, and of `users` as far as they are bots': a bot is a user whom somebody owns."""

from datetime import datetime

from sqlalchemy import Select, func, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import domain
from services.auth.models import bots, users
from services.auth.store.users import list_profiles
from shared.contracts.entities import Me


async def lock_owner(connection: AsyncConnection, user_id: str) -> bool:
    """Hold a person's row until commit, so that what they own is counted by one at a time.

    False if they are not active any more.
    """
    statement = (
        select(users.c.id)
        .where(users.c.id == user_id, users.c.deactivated_at.is_(None))
        .with_for_update(key_share=True)
    )
    return (await connection.scalar(statement)) is not None


async def insert_bot(
    connection: AsyncConnection,
    *,
    bot_id: str,
    owner_id: str,
    username: str,
    display_name: str,
    now: datetime,
) -> bool:
    """Add a bot; False if the folded `username` is taken."""
    statement = (
        postgresql.insert(users)
        .values(
            id=bot_id,
            username=username,
            display_name=display_name,
            display_key=domain.fold_name(display_name),
            role="bot",
            bio="",
            email_verified=False,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[users.c.username])
    )
    if (await connection.execute(statement)).rowcount == 0:
        return False
    await connection.execute(insert(bots).values(user_id=bot_id, owner_id=owner_id))
    return True


async def count_active(connection: AsyncConnection, owner_id: str) -> int:
    """Return how many active bots somebody owns."""
    statement = (
        select(func.count())
        .select_from(bots.join(users, users.c.id == bots.c.user_id))
        .where(bots.c.owner_id == owner_id, users.c.deactivated_at.is_(None))
    )
    return int(await connection.scalar(statement) or 0)


async def list_active(connection: AsyncConnection, owner_id: str) -> list[Me]:
    """Return the active bots of somebody, by user name."""
    statement = (
        select(users.c.id)
        .join(bots, bots.c.user_id == users.c.id)
        .where(bots.c.owner_id == owner_id, users.c.deactivated_at.is_(None))
        .order_by(users.c.username)
    )
    return await list_profiles(connection, list(await connection.scalars(statement)))


async def list_owned(connection: AsyncConnection, owner_id: str) -> list[str]:
    """Return the ids of all bots of somebody, deactivated ones too."""
    return list(await connection.scalars(select(bots.c.user_id).where(bots.c.owner_id == owner_id)))


async def is_active(connection: AsyncConnection, bot_id: str, owner_id: str) -> bool:
    """Whether a bot is theirs and active."""
    return (await connection.scalar(_select_active(bot_id, owner_id))) is not None


async def lock_active(connection: AsyncConnection, bot_id: str, owner_id: str) -> bool:
    """Hold a bot's row until commit; False if it is not theirs or not active any more."""
    statement = _select_active(bot_id, owner_id).with_for_update(of=users)
    return (await connection.scalar(statement)) is not None


def _select_active(bot_id: str, owner_id: str) -> Select[tuple[str]]:
    return (
        select(users.c.id)
        .join(bots, bots.c.user_id == users.c.id)
        .where(users.c.id == bot_id, bots.c.owner_id == owner_id, users.c.deactivated_at.is_(None))
    )
