"""Fixtures of the tests that go through the doors of the running system."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.stack import Stack
from tests.wire import People, Person


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=15) as client:
        yield client


@pytest.fixture
async def people(stack: Stack, http: httpx2.AsyncClient) -> People:
    return People(stack.gateway_urls, http)


@pytest.fixture
async def anna(people: People) -> Person:
    """At home on the first gateway."""
    return await people.register("anna", node=0)


@pytest.fixture
async def bert(people: People) -> Person:
    """At home on the second gateway."""
    return await people.register("bert", node=1)
