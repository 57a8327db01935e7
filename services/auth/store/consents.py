"""Rows of `consents`: who agreed to what, and when."""

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import consents
from shared.clock import to_wire
from shared.contracts.consents import Consent, ConsentKind


async def insert_consents(
    connection: AsyncConnection, user_id: str, accepted: Iterable[tuple[ConsentKind, str]]
) -> None:
    """Note what a user accepts, by kind and version; what they had accepted before keeps its time."""
    rows = [
        {"user_id": user_id, "kind": kind, "version": version, "accepted_at": func.clock_timestamp()}
        for kind, version in accepted
    ]
    if rows:
        await connection.execute(postgresql.insert(consents).values(rows).on_conflict_do_nothing())


async def list_consents(connection: AsyncConnection, user_id: str) -> list[Consent]:
    """Return all that a user has accepted, the latest first."""
    statement = (
        select(consents.c.kind, consents.c.version, consents.c.accepted_at)
        .where(consents.c.user_id == user_id)
        .order_by(consents.c.accepted_at.desc(), consents.c.kind)
    )
    rows = await connection.execute(statement)
    return [Consent(row.kind, row.version, to_wire(row.accepted_at)) for row in rows]
