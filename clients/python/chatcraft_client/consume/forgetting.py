"""Forget a durable, so that the next `consume` of that name begins at its `start`: how one replays."""

from chatcraft_client.consume.durable import Durable, connect
from chatcraft_client.consume.selection import Share, name_durable
from shared.contracts.feed import POSITIONS


async def forget(nats_url: str, durable: str, share: Share | None = None) -> None:
    """Delete the durable and its positions on the bus. Idempotent; stop its processes first.

    Places that a service keeps in its own database are its own to delete.
    """
    name = name_durable(durable, share)
    nc = await connect(nats_url, f"forget {name}")
    try:
        await Durable(nc, name, []).delete()
        await nc.jetstream().purge_stream(f"KV_{POSITIONS}", subject=f"$KV.{POSITIONS}.{name}.>")
    finally:
        await nc.close()
