"""The running system, shared with the other tests that go through its doors."""

import httpx2
import pytest

from tests.e2e.conftest import bert, http, people
from tests.stack import Stack
from tests.wire import People, Person

__all__ = ["bert", "http", "people"]


@pytest.fixture(scope="session")
async def anna(stack: Stack, http: httpx2.AsyncClient) -> Person:
    """One user for all rows, at home on the first gateway."""
    return await People(stack.gateway_urls, http).register("anna")
