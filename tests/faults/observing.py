"""What fault tests look at from outside: a process's metrics, NATS's statistics, what the logs say."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import nats
from nats.aio.client import Client

from tests.stack import Stack
from tests.wire import WAIT_S

_METRIC = re.compile(r"^(\w+)(?:\{[^}]*\})? ([0-9.e+-]+)$", re.MULTILINE)


async def read_metrics(stack: Stack, service: str, index: int = 0) -> dict[str, float]:
    """Return a process's metrics by name, summed over their labels."""
    async with httpx2.AsyncClient(timeout=10) as http:
        text = (await http.get(stack.health_url(service, index) + "/metrics")).text
    found: dict[str, float] = {}
    for name, value in _METRIC.findall(text):
        found[name] = found.get(name, 0.0) + float(value)
    return found


async def read_gateway(stack: Stack, index: int, name: str) -> float:
    """Return one number of a gateway: `connections`, `lags_total`."""
    return (await read_metrics(stack, "gateway", index))[f"chatcraft_gateway_{name}"]


@asynccontextmanager
async def on_bus(stack: Stack, user: str) -> AsyncIterator[Client]:
    """Speak on the stack's bus as one of its services."""
    client = await nats.connect(stack.endpoints.nats_url_by_user[user].split(","))
    try:
        yield client
    finally:
        await client.close()


async def count_store_requests(stack: Stack, replicas: int) -> int:
    """Return how many calls of gateways the messages services have answered, by NATS's own statistics."""
    async with on_bus(stack, "gateway") as client:
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)
        await client.publish("$SRV.STATS.messages", reply=inbox)
        async with asyncio.timeout(WAIT_S):
            stats = [json.loads((await answers.next_msg()).data) for _ in range(replicas)]
    return sum(
        endpoint["num_requests"]
        for each in stats
        for endpoint in each["endpoints"]
        if endpoint["subject"].startswith("svc.messages.")
    )


def read_server_log(stack: Stack, name: str) -> str:
    """Return what a server (`nats`, `postgres`) has logged so far."""
    log = stack.find(name).program.log
    assert isinstance(log, Path)
    return log.read_text(errors="replace")
