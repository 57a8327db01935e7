"""Fixtures of the tests that go through the doors of the running system."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.stack import Stack
from tests.wire import WAIT_S, People, Person


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    # Links are let go before the gateway does, after 5 s of silence: at that very moment a request is lost.
    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3)
    async with httpx2.AsyncClient(timeout=WAIT_S, limits=limits) as client:
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
