"""Rows of `erasures` and `erasure_steps`: the sagas, each worked on by one replica at a time.

A row is written in the transaction that locks the account out, so there is never one without the other.
"""

from datetime import timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, func, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import erasure_steps, erasures
from shared.clock import to_wire
from shared.contracts.privacy import Erasure, ErasureStep, FinishedStep, MessagesChoice

STEPS: tuple[ErasureStep, ...] = ("access", "rooms", "messages", "presence", "account")


class Claim(Struct, frozen=True):
    """An erasure that this replica works on; another `attempts` says that it has lost it."""

    id: str
    user_id: str
    bot_ids: list[str]
    messages: MessagesChoice
    progress: dict[str, Any]
    attempts: int

    @property
    def subject_ids(self) -> list[str]:
        """Who is erased: the person's bots first."""
        return [*self.bot_ids, self.user_id]


async def insert_erasure(
    connection: AsyncConnection,
    *,
    erasure_id: str,
    user_id: str,
    bot_ids: list[str],
    receipt_hash: bytes,
    messages: MessagesChoice,
) -> None:
    """Begin an erasure, with its first step done."""
    now = func.clock_timestamp()
    await connection.execute(
        insert(erasures).values(
            id=erasure_id,
            user_id=user_id,
            bot_ids=bot_ids,
            receipt_hash=receipt_hash,
            messages=messages,
            requested_at=now,
            progress={},
            due_at=now,
            attempts=0,
        )
    )
    await _note_finished(connection, erasure_id, "access")


class Requested(Struct, frozen=True):
    """What has to be known of an erasure to ask for it again in a database that is older than it."""

    id: str
    user_id: str
    receipt_hash: bytes
    messages: MessagesChoice


async def list_requested(connection: AsyncConnection) -> list[Requested]:
    """Return all that were ever asked for, the oldest first."""
    columns = (erasures.c.id, erasures.c.user_id, erasures.c.receipt_hash, erasures.c.messages)
    rows = await connection.execute(select(*columns).order_by(erasures.c.requested_at, erasures.c.id))
    return [Requested(*row) for row in rows]


async def is_begun(connection: AsyncConnection, user_id: str) -> bool:
    """Whether somebody, or the owner of a bot, is being erased, or was."""
    is_bot = literal(user_id, UUID(as_uuid=False)) == func.any(erasures.c.bot_ids)
    concerned = or_(erasures.c.user_id == user_id, is_bot)
    return (await connection.scalar(select(erasures.c.id).where(concerned).limit(1))) is not None


async def find_by_receipt(connection: AsyncConnection, receipt_hash: bytes) -> Erasure | None:
    """Return how far the erasure of a receipt has come."""
    found = select(erasures).where(erasures.c.receipt_hash == receipt_hash)
    row = (await connection.execute(found)).mappings().one_or_none()
    if row is None:
        return None
    steps = select(erasure_steps.c.name, erasure_steps.c.finished_at)
    of_this = steps.where(erasure_steps.c.erasure_id == row["id"])
    finished = {step.name: to_wire(step.finished_at) for step in await connection.execute(of_this)}
    is_over, is_begun = row["finished_at"] is not None, row["begun_at"] is not None
    return Erasure(
        id=row["id"],
        state="finished" if is_over else "running" if is_begun else "waiting",
        messages=row["messages"],
        requested_at=to_wire(row["requested_at"]),
        finished_at=to_wire(row["finished_at"]) if is_over else None,
        steps=[FinishedStep(name, finished.get(name)) for name in STEPS],
    )


async def claim(connection: AsyncConnection, lease: timedelta) -> Claim | None:
    """Take the erasure that has been due for longest; what is not worked on for `lease` may be taken over."""
    now = func.clock_timestamp()
    due = (
        select(erasures.c.id)
        .where(erasures.c.finished_at.is_(None), erasures.c.due_at <= now)
        .order_by(erasures.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(erasures)
        .where(erasures.c.id.in_(due))
        .values(
            due_at=now + lease,
            attempts=erasures.c.attempts + 1,
            begun_at=func.coalesce(erasures.c.begun_at, now),
        )
        .returning(
            erasures.c.id,
            erasures.c.user_id,
            erasures.c.bot_ids,
            erasures.c.messages,
            erasures.c.progress,
            erasures.c.attempts,
        )
    )
    row = (await connection.execute(statement)).one_or_none()
    return Claim(*row) if row else None


async def find_next_step(connection: AsyncConnection, erasure_id: str) -> ErasureStep | None:
    """Return the first step that is not finished."""
    statement = select(erasure_steps.c.name).where(erasure_steps.c.erasure_id == erasure_id)
    finished = set((await connection.scalars(statement)).all())
    return next((name for name in STEPS if name not in finished), None)


async def save_progress(
    connection: AsyncConnection, held: Claim, progress: dict[str, Any], lease: timedelta
) -> bool:
    """Say how far the present step is; False if somebody else has taken the erasure over."""
    moved = {"progress": progress, "due_at": func.clock_timestamp() + lease}
    return (await connection.execute(update(erasures).where(_is_held(held)).values(moved))).rowcount == 1


async def finish_step(connection: AsyncConnection, held: Claim, step: ErasureStep, lease: timedelta) -> bool:
    """Note that a step is done, and begin the next one at its beginning; False as above."""
    if not await save_progress(connection, held, {}, lease):
        return False
    await _note_finished(connection, held.id, step)
    return True


async def finish(connection: AsyncConnection, held: Claim) -> None:
    """Note that all is done, the last step with it."""
    await _note_finished(connection, held.id, STEPS[-1])
    over = {"finished_at": func.clock_timestamp(), "progress": {}}
    await connection.execute(update(erasures).where(_is_held(held)).values(over))


async def postpone(connection: AsyncConnection, held: Claim, pause: timedelta) -> None:
    """Go on after `pause`, whoever then does."""
    later = func.clock_timestamp() + pause
    await connection.execute(update(erasures).where(_is_held(held)).values(due_at=later))


async def _note_finished(connection: AsyncConnection, erasure_id: str, step: ErasureStep) -> None:
    statement = postgresql.insert(erasure_steps).values(
        erasure_id=erasure_id, name=step, finished_at=func.clock_timestamp()
    )
    await connection.execute(statement.on_conflict_do_nothing())


def _is_held(held: Claim) -> ColumnElement[bool]:
    return and_(
        erasures.c.id == held.id, erasures.c.finished_at.is_(None), erasures.c.attempts == held.attempts
    )
