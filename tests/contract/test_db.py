"""What is borrowed from the pool commits what it says, also after a link to the database was silent."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import db
from shared.settings import DatabaseSettings
from tests.faults.standby import with_port
from tests.tcp_proxy import TcpProxy

TIMEOUT_S = 3  # of every statement: what is answered must be so within it on a busy machine, too


@pytest.fixture
async def proxy(fresh_database: str) -> AsyncIterator[TcpProxy]:
    async with TcpProxy(urlsplit(fresh_database).port or 0) as running:
        yield running


@pytest.fixture
async def engine(
    fresh_database: str, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncEngine]:
    """A pool of one connection, so that whoever borrows next gets the same one if it is kept."""
    monkeypatch.setattr(db, "_STATEMENT_TIMEOUT_S", TIMEOUT_S)
    url = with_port(fresh_database, proxy.port)
    settings = DatabaseSettings(database_url=url, database_pool=1, nats_url="nats://nowhere", health_port=1)
    made = db.create_engine(settings, "test")
    yield made
    await made.dispose()


async def begin_in_silence(engine: AsyncEngine, proxy: TcpProxy) -> None:
    """Wait in vain for an answer to BEGIN, which reaches the server afterwards."""
    proxy.stall()
    with pytest.raises(TimeoutError):
        async with db.raw_connection(engine) as connection, connection.transaction():
            pytest.fail("nobody has answered")
    proxy.flow()


async def test_what_is_committed_after_a_begin_that_nobody_answered_is_stored(
    engine: AsyncEngine, proxy: TcpProxy, fresh_database: str
) -> None:
    """To asyncpg that BEGIN stays open: on the same connection all that follows would be savepoints in it."""
    async with db.raw_connection(engine) as connection:
        await connection.execute("CREATE TABLE written (number int)")
    await begin_in_silence(engine, proxy)
    async with db.raw_connection(engine) as connection, connection.transaction():
        await connection.execute("INSERT INTO written VALUES (1)")
    elsewhere = await asyncpg.connect(fresh_database)
    try:
        assert await elsewhere.fetchval("SELECT count(*) FROM written") == 1
    finally:
        await elsewhere.close()


async def test_the_same_through_sqlalchemy_is_stored(
    engine: AsyncEngine, proxy: TcpProxy, fresh_database: str
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE kept (number int)"))
    proxy.stall()
    with pytest.raises(TimeoutError):
        async with engine.begin() as connection:
            await connection.execute(text("SELECT 1"))
    proxy.flow()
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO kept VALUES (1)"))
    elsewhere = await asyncpg.connect(fresh_database)
    try:
        assert await elsewhere.fetchval("SELECT count(*) FROM kept") == 1
    finally:
        await elsewhere.close()


async def test_a_refusal_by_the_database_costs_no_connection(engine: AsyncEngine) -> None:
    async with db.raw_connection(engine) as connection:
        pid = await connection.fetchval("SELECT pg_backend_pid()")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await divide_by_zero(engine)
    async with db.raw_connection(engine) as connection:
        assert await connection.fetchval("SELECT pg_backend_pid()") == pid


async def divide_by_zero(engine: AsyncEngine) -> None:
    async with db.raw_connection(engine) as connection, connection.transaction():
        await connection.execute("SELECT 1 / 0")
