"""Leaving without losing anybody: announce, spread the closes, finish what is under way."""

import asyncio
import random

from services.gateway.frames import event_payload
from services.gateway.node import GatewayNode
from services.gateway.presence import Lease
from services.gateway.router import Router
from shared.contracts.close_codes import CloseCode
from shared.contracts.events import Draining
from shared.telemetry import get_logger

log = get_logger(__name__)

_STEPS_PER_S = 20
_COMMANDS_S = 10.0
# Clients come back after a random part of this: so long that a whole node's users spread out.
RETRY_MAX_MS = 5_000


async def drain(node: GatewayNode, router: Router, lease: Lease, window_s: float) -> None:
    """Tell every connection, then close them with 1012 over `window_s`, in random order."""
    node.is_draining = True
    connections = list(node.sweep.connections)
    log.info("draining", connections=len(connections), window_s=window_s)
    payload = event_payload("draining", Draining(RETRY_MAX_MS))
    for connection in connections:
        connection.send(payload)
    random.shuffle(connections)
    await router.wait_idle(_COMMANDS_S)
    steps = max(1, min(int(window_s * _STEPS_PER_S), len(connections)))
    for step in range(steps):
        for connection in connections[step::steps]:
            connection.close(CloseCode.DRAINING, "this node stops")
        if step + 1 < steps:
            await asyncio.sleep(window_s / steps)
    await router.wait_idle(_COMMANDS_S)
    await lease.release()
