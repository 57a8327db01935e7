"""One world per module, with two instances of the service: every test runs against both."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import asyncpg
import pytest

from tests.integration.messages.world import World


@pytest.fixture(scope="module")
async def world(fresh_database: str, nats_url: Callable[[str], str]) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        opened = await World(fresh_database, nats_url).open(stack)
        await opened.start(stack)
        await opened.start(stack, messages_writers=2)
        yield opened


@pytest.fixture
async def database(world: World) -> AsyncIterator[asyncpg.Connection]:
    """The world's database, past the service."""
    connection = await asyncpg.connect(world.database_url)
    yield connection
    await connection.close()
