"""Rows of `mails`: what waits to be sent. Claimed by one replica at a time, by the database's clock."""

from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import mails


class WaitingMail(Struct, frozen=True):
    """A row that this replica has claimed."""

    id: str
    kind: str
    sealed: bytes
    created_at: datetime
    attempts: int
    """With the one that begins now."""
    age: timedelta


async def insert_mail(
    connection: AsyncConnection, *, mail_id: str, kind: str, user_id: str | None, sealed: bytes
) -> None:
    """Leave a mail to be sent once the transaction has committed."""
    now = func.clock_timestamp()
    await connection.execute(
        insert(mails).values(
            id=mail_id, kind=kind, user_id=user_id, sealed=sealed, created_at=now, due_at=now, attempts=0
        )
    )


async def claim(connection: AsyncConnection, limit: int, claimed_for: timedelta) -> list[WaitingMail]:
    """Take what is due, the oldest first; what is not settled in `claimed_for` may be taken again."""
    now = func.clock_timestamp()
    due = (
        select(mails.c.id)
        .where(mails.c.due_at <= now)
        .order_by(mails.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(mails)
        .where(mails.c.id.in_(due))
        .values(due_at=now + claimed_for, attempts=mails.c.attempts + 1)
        .returning(
            mails.c.id,
            mails.c.kind,
            mails.c.sealed,
            mails.c.created_at,
            mails.c.attempts,
            (now - mails.c.created_at).label("age"),
        )
    )
    return [WaitingMail(*row) for row in await connection.execute(statement)]


async def remove(connection: AsyncConnection, mail_id: str) -> bool:
    """Forget a mail that was sent, or that is given up; False if another replica has done so."""
    return (await connection.execute(delete(mails).where(mails.c.id == mail_id))).rowcount == 1


async def postpone(connection: AsyncConnection, mail: WaitingMail, pause: timedelta) -> None:
    """Try again after `pause`, unless the claim has passed to somebody else meanwhile."""
    is_ours = (mails.c.id == mail.id) & (mails.c.attempts == mail.attempts)
    later = func.clock_timestamp() + pause
    await connection.execute(update(mails).where(is_ours).values(due_at=later))


async def sweep(connection: AsyncConnection, kept_for: timedelta) -> None:
    """Delete what nobody has sent: mail was turned off while it waited."""
    await connection.execute(delete(mails).where(mails.c.created_at < func.clock_timestamp() - kept_for))
