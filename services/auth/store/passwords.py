"""The column of password hashes, where a change ends no login by itself; see `endings` for what does."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import users


async def set_hash(connection: AsyncConnection, user_id: str, password_hash: str) -> None:
    """Set the password of a user whose row is locked for change; it stays good."""
    chosen = {"password_hash": password_hash, "password_expires_at": None}
    await connection.execute(update(users).where(users.c.id == user_id).values(chosen))
