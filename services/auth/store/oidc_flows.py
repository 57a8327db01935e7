"""Rows of `oidc_flows`: who has gone to a provider. Each is good for one return, whatever comes of it."""

from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import delete, func, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import oidc_flows

FLOW_LIFE = timedelta(minutes=10)


class Flow(Struct, frozen=True):
    binding_hash: bytes
    provider_id: str
    user_id: str | None
    """Who adds an identity, or proves once more who they are; None for who signs in."""


class Taken(Struct, frozen=True):
    """A flow whose one return this is."""

    flow: Flow
    begun_at: datetime


async def insert_flow(connection: AsyncConnection, state_hash: bytes, flow: Flow) -> None:
    """Remember who went where; from now on the flow has its life."""
    await connection.execute(
        insert(oidc_flows).values(
            state_hash=state_hash,
            binding_hash=flow.binding_hash,
            provider_id=flow.provider_id,
            user_id=flow.user_id,
            expires_at=func.clock_timestamp() + FLOW_LIFE,
        )
    )


async def take(connection: AsyncConnection, state_hash: bytes) -> Taken | None:
    """Return a flow and forget it; None if it is unknown, taken, or expired. Of many at once, one has it."""
    statement = (
        delete(oidc_flows)
        .where(oidc_flows.c.state_hash == state_hash, oidc_flows.c.expires_at > func.clock_timestamp())
        .returning(
            oidc_flows.c.binding_hash,
            oidc_flows.c.provider_id,
            oidc_flows.c.user_id,
            oidc_flows.c.expires_at,
        )
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    return Taken(Flow(row.binding_hash, row.provider_id, row.user_id), row.expires_at - FLOW_LIFE)


async def sweep(connection: AsyncConnection) -> None:
    """Delete what has expired."""
    await connection.execute(delete(oidc_flows).where(oidc_flows.c.expires_at < func.clock_timestamp()))
