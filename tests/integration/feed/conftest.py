"""A messages service with its feed, and a consumer of it as another service would run one."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import nats
import pytest
from nats.aio.client import Client as Nats

from tests.integration.messages.world import World


@pytest.fixture(scope="module")
async def world(fresh_database: str, nats_url: Callable[[str], str]) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        opened = await World(fresh_database, nats_url).open(stack)
        await opened.start(stack)
        yield opened


@pytest.fixture
def feed_url(nats_url: Callable[[str], str], world: World) -> str:
    return nats_url("feed")


@pytest.fixture
async def bus(nats_url: Callable[[str], str]) -> AsyncIterator[Nats]:
    """The messages service's own rights: to break the stream, and to write to it what it should not hold."""
    client = await nats.connect(nats_url("messages"))
    yield client
    await client.close()
