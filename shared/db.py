"""PostgreSQL: the engine, raw connections for the hot statements, and its exceptions in our words."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
from prometheus_client import Gauge
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from shared.errors import ChatError, unavailable
from shared.settings import DatabaseSettings
from shared.traced_queries import trace_queries
from shared.tracing import Tracer

POOL_SIZE = Gauge("chatcraft_database_pool_size", "Connections to the database that this process may have")
POOL_USED = Gauge("chatcraft_database_pool_used", "How many of them are lent out")

_POOL_WAIT_S = 5
_CONNECT_TIMEOUT_S = 5
_STATEMENT_TIMEOUT_S = 8  # below the 10 s in which a command is answered

_INTERVENTION_CLASS = "57"  # cancelled or shut down by somebody: it can have hit the BEGIN itself
# SQLSTATE classes and codes that mean "not now" rather than "wrong".
_TRANSIENT_CLASSES = ("08", "53", "57")
_TRANSIENT_CODES = {"40001", "40P01", "55P03", "25006"}


def create_engine(settings: DatabaseSettings, service: str, tracer: Tracer | None = None) -> AsyncEngine:
    """Return an engine on asyncpg; nothing is connected yet. A commit is durable when it returns."""
    url = settings.database_url.get_secret_value()
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=settings.database_pool,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_S,
        hide_parameters=True,  # an exception's text is logged; what people wrote is not
        connect_args={
            "timeout": _CONNECT_TIMEOUT_S,
            "command_timeout": _STATEMENT_TIMEOUT_S,
            # A standby is refused even for reading: its connections outlive a promotion, and the new
            # history would go unnoticed on them.
            "target_session_attrs": "read-write",
            "server_settings": {
                "application_name": f"chatcraft-{service}",
                "synchronous_commit": "on",
                "timezone": "UTC",
                "jit": "off",
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    POOL_SIZE.set(settings.database_pool)
    POOL_USED.set_function(lambda: cast("QueuePool", engine.pool).checkedout())
    if tracer is not None:
        trace_queries(engine, tracer)
    return engine


def _refuse_closed(connection: DBAPIConnection, _record: object, _proxy: object) -> None:
    # A server that restarted has closed them all; the pool opens another for each one refused here.
    if cast("Any", connection).driver_connection.is_closed():
        raise DisconnectionError("the server closed this connection")


@asynccontextmanager
async def raw_connection(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """Borrow a pooled connection as asyncpg's own: 90 µs a fetch against 338 µs through SQLAlchemy.

    The borrower opens its own transactions with `connection.transaction()`. A connection is lent again only
    if the server has answered all that was asked on it.
    """
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert driver is not None
        try:
            yield driver
        except BaseException as exc:
            if not _is_answer(exc):
                # To asyncpg a BEGIN that timed out stays open: all later transactions would be savepoints in
                # it, done in all eyes but the server's, and lost with the connection. The pool opens another.
                driver.terminate()
            raise


def _is_answer(exc: BaseException) -> bool:
    """Whether the statement that failed is known to be over: refused by us, or by the server by itself."""
    if isinstance(exc, asyncpg.exceptions.PostgresError):
        return not str(getattr(exc, "sqlstate", None)).startswith(_INTERVENTION_CLASS)
    return isinstance(exc, ChatError)


def translate(exc: Exception) -> ChatError | None:
    """Return `unavailable` for what passes (server away, lock, deadlock, disk full), else None."""
    causes = list(_causes(exc))
    if any(isinstance(each, asyncpg.exceptions.TargetServerAttributeNotMatched) for each in causes):
        return unavailable("the database takes no writes: it is a standby, or read-only")
    # The driver's words when the server has said that it ends this connection, and the end is not here yet.
    is_ending = any(isinstance(each, asyncpg.exceptions.InternalClientError) for each in causes)
    if is_ending or (isinstance(exc, DBAPIError) and exc.connection_invalidated):
        return unavailable("the database was cut off")
    if isinstance(exc, (OperationalError, InterfaceError, PoolTimeoutError, OSError, TimeoutError)):
        return unavailable("the database does not answer")
    if isinstance(exc, asyncpg.exceptions.InterfaceError):
        return unavailable("the database was cut off")
    code = next((each.sqlstate for each in causes if isinstance(getattr(each, "sqlstate", None), str)), None)
    if code and (code[:2] in _TRANSIENT_CLASSES or code in _TRANSIENT_CODES):
        return unavailable("the database cannot take this now")
    return None


def explain(exc: Exception) -> str:
    """Return in a line why the database cannot be used: what it says itself, where it answers."""
    said = next(
        (str(each) for each in _causes(exc) if isinstance(each, asyncpg.exceptions.PostgresError)), str(exc)
    )
    known = translate(exc)
    return str(known) if known is not None else said.partition("\n")[0] or type(exc).__name__


def _causes(exc: BaseException | None) -> Iterator[Any]:
    """From SQLAlchemy's exception to the driver's."""
    while exc is not None:
        yield exc
        exc = exc.__cause__ or getattr(exc, "orig", None)
