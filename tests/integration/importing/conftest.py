"""A database, and the messages service on it, for each test module that imports."""

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
        yield opened


@pytest.fixture
async def database(fresh_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(fresh_database)
    yield connection
    await connection.close()
