"""Reads the audit log as it stands in the database, for tests of what is recorded."""

from typing import Any

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

_ENTRIES = """
SELECT number, actor_id::text, action, subject_id::text, address, details FROM auth.audit_log
WHERE action = coalesce(:action, action)
  AND (:about IN (actor_id::text, subject_id::text, details->>'login_id') OR :about IS NULL)
ORDER BY number
"""


class Recorded(Struct, frozen=True):
    """One entry."""

    number: int
    actor_id: str | None
    action: str
    subject_id: str | None
    address: str | None
    details: dict[str, Any]


async def list_recorded(
    engine: AsyncEngine, action: str | None = None, about: str | None = None
) -> list[Recorded]:
    """Return the entries of an action, about a user or a login, in order."""
    async with engine.connect() as connection:
        rows = await connection.execute(text(_ENTRIES), {"action": action, "about": about})
        return [Recorded(*row) for row in rows]
