"""A database connection as the store's functions see it: asyncpg's own, with types."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db import raw_connection


class Connection(Protocol):
    """What is used of `asyncpg.Connection`, which has no types of its own."""

    async def fetch(self, query: str, *args: Any) -> list[Any]: ...
    async def fetchrow(self, query: str, *args: Any) -> Any: ...
    async def fetchval(self, query: str, *args: Any) -> Any: ...
    async def execute(self, query: str, *args: Any) -> str: ...
    def transaction(
        self, *, isolation: str | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[object]: ...


@asynccontextmanager
async def borrow(engine: AsyncEngine) -> AsyncIterator[Connection]:
    """Borrow a connection from the pool; no transaction is open on it."""
    async with raw_connection(engine) as connection:
        yield connection
