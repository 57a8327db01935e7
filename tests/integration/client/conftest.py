"""People with clients at the running stack."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from chatcraft_client import Client
from tests.stack import Stack

SignUp = Callable[..., Awaitable[Client]]
PASSWORD = "correct horse battery staple"


@pytest.fixture
async def sign_up(stack: Stack) -> AsyncIterator[SignUp]:
    """`await sign_up(node=1)`: a new user, connected to that gateway first."""
    async with AsyncExitStack() as opened:

        async def make(node: int = 0, *, is_connected: bool = True, **options: Any) -> Client:
            urls = stack.gateway_urls[node:] + stack.gateway_urls[:node]
            client = await opened.enter_async_context(Client(urls, **options))
            await client.register(f"u-{secrets.token_hex(6)}", PASSWORD)
            if is_connected:
                await client.connect()
            return client

        yield make
