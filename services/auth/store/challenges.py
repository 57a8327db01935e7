"""Rows of `challenges`: what passkeys are asked to sign. Each is good for one try, whatever comes of it."""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from sqlalchemy import delete, func, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import challenges

CHALLENGE_LIFE = timedelta(minutes=5)

Purpose = Literal["create", "get"]


class Challenge(Struct, frozen=True):
    """`user_id` is None where anybody's passkey may answer."""

    challenge: bytes
    user_id: str | None


async def insert_challenge(
    connection: AsyncConnection, challenge_id: str, purpose: Purpose, asked: Challenge, now: datetime
) -> None:
    """Remember what was asked."""
    await connection.execute(
        insert(challenges).values(
            id=challenge_id,
            purpose=purpose,
            user_id=asked.user_id,
            challenge=asked.challenge,
            expires_at=now + CHALLENGE_LIFE,
        )
    )


async def take(connection: AsyncConnection, challenge_id: str, purpose: Purpose) -> Challenge | None:
    """Return a challenge and forget it; None if it is unknown, taken, or expired. Commit before use."""
    statement = (
        delete(challenges)
        .where(
            challenges.c.id == challenge_id,
            challenges.c.purpose == purpose,
            challenges.c.expires_at > func.clock_timestamp(),
        )
        .returning(challenges.c.challenge, challenges.c.user_id)
    )
    row = (await connection.execute(statement)).one_or_none()
    return Challenge(*row) if row else None


async def sweep(connection: AsyncConnection) -> None:
    """Delete what has expired."""
    await connection.execute(delete(challenges).where(challenges.c.expires_at < func.clock_timestamp()))
