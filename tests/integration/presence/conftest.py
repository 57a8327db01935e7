"""One replica, a watcher, and nodes as many as a test wants."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from shared.bus import Bus
from tests.integration.presence.setting import Node, Watcher, replica


@pytest.fixture
async def gateway_bus(nats_url: Callable[[str], str]) -> AsyncIterator[Bus]:
    bus = await Bus.connect([nats_url("gateway")], "gateway")
    yield bus
    await bus.close()


@pytest.fixture
async def service(nats_url: Callable[[str], str], redis_url: str) -> AsyncIterator[Bus]:
    async with replica(nats_url("presence"), redis_url) as bus:
        yield bus


@pytest.fixture
async def watcher(service: Bus, gateway_bus: Bus) -> Watcher:
    made = Watcher(gateway_bus)
    await gateway_bus.flush()
    return made


@pytest.fixture
async def start_node(service: Bus, gateway_bus: Bus) -> AsyncIterator[Callable[[], Awaitable[Node]]]:
    async with AsyncExitStack() as stack:

        async def start() -> Node:
            node = await Node(gateway_bus).start()
            stack.push_async_callback(node.pause)
            return node

        yield start
