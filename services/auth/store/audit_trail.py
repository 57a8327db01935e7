"""Reading the audit log: pages of it for administrators, and all of it, in order, for who verifies it."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import audit_head, audit_log
from services.auth.store.audit import Deed, link

_AT_ONCE = 1_000
_COLUMNS = (
    audit_log.c.number, audit_log.c.at, audit_log.c.action, audit_log.c.actor_id, audit_log.c.subject_id,
    audit_log.c.address, audit_log.c.details, audit_log.c.hash,
)  # fmt: skip


class Entry(Struct, frozen=True):
    """One entry as it is stored."""

    number: int
    at: datetime
    deed: Deed
    hash: bytes

    def follows(self, previous: bytes, number: int) -> bool:
        """Whether this is what was recorded under that number after an entry of that hash."""
        return link(previous, number, self.at, self.deed) == self.hash


class Head(Struct, frozen=True):
    """The end of the log: the number and the hash of its last entry."""

    number: int
    hash: bytes


class Filter(Struct, frozen=True):
    """Which entries; None: whatever it is."""

    actor_id: str | None = None
    subject_id: str | None = None
    action: str | None = None
    """An action, or the noun before its dot: all actions of that."""


async def list_entries(
    connection: AsyncConnection, wanted: Filter, before: int | None, limit: int
) -> list[Entry]:
    """Return the newest ones below the number `before`, the newest first."""
    statement = select(*_COLUMNS).order_by(audit_log.c.number.desc()).limit(limit)
    if before is not None:
        statement = statement.where(audit_log.c.number < before)
    if wanted.actor_id:
        statement = statement.where(audit_log.c.actor_id == wanted.actor_id)
    if wanted.subject_id:
        statement = statement.where(audit_log.c.subject_id == wanted.subject_id)
    if wanted.action and "." in wanted.action:
        statement = statement.where(audit_log.c.action == wanted.action)
    elif wanted.action:
        statement = statement.where(audit_log.c.action.startswith(f"{wanted.action}.", autoescape=True))
    return [_to_entry(row) for row in (await connection.execute(statement)).all()]


async def find_head(connection: AsyncConnection) -> Head | None:
    """Return the head; None if somebody took its row away."""
    row = (await connection.execute(select(audit_head.c.number, audit_head.c.hash))).one_or_none()
    return Head(row.number, row.hash) if row else None


async def iter_entries(connection: AsyncConnection, after: int | None = None) -> AsyncIterator[Entry]:
    """Yield all entries, or those after a number, ascending; holds a thousand at a time."""
    statement = select(*_COLUMNS).order_by(audit_log.c.number)
    if after is not None:
        statement = statement.where(audit_log.c.number > after)
    rows = await connection.stream(statement.execution_options(yield_per=_AT_ONCE))
    async for row in rows:
        yield _to_entry(row)


def _to_entry(row: Any) -> Entry:
    deed = Deed(row.action, row.actor_id, row.subject_id, row.address, row.details)
    return Entry(row.number, row.at, deed, row.hash)
