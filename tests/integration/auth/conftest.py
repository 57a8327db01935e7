"""An auth service in this process on real servers, and a gateway's side of the bus to ask it from."""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import DateTime, func, literal
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.auth.store import limits
from shared.bus import Bus
from tests.databases import DatabaseFactory
from tests.integration.auth.client import Client
from tests.integration.auth.mailbox import PUBLIC_URL, Mailbox, run_mailbox
from tests.integration.auth.others import Others, run_others
from tests.integration.auth.service import SECRET, run_auth
from tests.up_process import run_program

Admin = Callable[..., Awaitable[tuple[int, list[str]]]]
_PROGRAM = (sys.executable, "-P", "-m", "services.auth.admin")
_UNCHANGED = {name: value for name, value in os.environ.items() if not name.startswith("CHATCRAFT_")}


@pytest.fixture(scope="module")
async def database_url(databases: DatabaseFactory) -> AsyncIterator[str]:
    """A database of this module's own."""
    url = await databases.create()
    yield url
    await databases.drop(url)


@pytest.fixture(scope="module")
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The tests' own way into the database, to look and to turn back clocks."""
    made = create_async_engine(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))
    yield made
    await made.dispose()


@pytest.fixture(scope="module")
async def bus(nats_url: Callable[[str], str]) -> AsyncIterator[Bus]:
    """The bus as a gateway sees it."""
    connected = await Bus.connect([nats_url("gateway")], "gateway")
    yield connected
    await connected.close()


@pytest.fixture(scope="module")
def rate_factor() -> float:
    """What the service's limits are multiplied by; a module about limits overrides it."""
    return 1_000.0


@pytest.fixture
def still_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of limits stands still: how many get through does not depend on how slow the machine is."""
    now = literal(datetime.now(UTC), DateTime(timezone=True))
    clock = SimpleNamespace(clock_timestamp=lambda: now, greatest=func.greatest)
    monkeypatch.setattr(limits, "func", clock)


@pytest.fixture(scope="module")
async def client(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, rate_factor: float
) -> AsyncIterator[Client]:
    """A running auth service, spoken to as a gateway does."""
    async with run_auth(database_url, nats_url("auth"), rate_factor):
        yield Client(bus)


@pytest.fixture(scope="module")
async def mailbox() -> AsyncIterator[Mailbox]:
    """An SMTP server of this module's own."""
    async with run_mailbox() as running:
        yield running


@pytest.fixture(scope="module")
def mail_settings(mailbox: Mailbox) -> dict[str, Any]:
    """What a service is told that sends to `mailbox`; a module about registration adds to it."""
    return {"auth_smtp_url": mailbox.url, "auth_public_url": PUBLIC_URL}


@pytest.fixture(scope="module")
async def mailing(
    database_url: str,
    nats_url: Callable[[str], str],
    bus: Bus,
    rate_factor: float,
    mail_settings: dict[str, Any],
) -> AsyncIterator[Client]:
    """Like `client`, of a service that sends mail."""
    async with run_auth(database_url, nats_url("auth"), rate_factor, **mail_settings):
        yield Client(bus)


@pytest.fixture(scope="module")
async def others(nats_url: Callable[[str], str]) -> AsyncIterator[Others]:
    """The services that the auth service asks for exports and erasures, stood in for."""
    async with run_others(nats_url) as running:
        yield running


@pytest.fixture
def admin(client: Client, database_url: str, nats_url: Callable[[str], str]) -> Admin:
    """The operator's commands: `code, lines = await admin("promote", "ada")`. `typed` is their input."""

    async def run(*arguments: str, typed: str | None = None, **env: str) -> tuple[int, list[str]]:
        found = {
            "CHATCRAFT_DATABASE_URL": database_url,
            "CHATCRAFT_NATS_URL": nats_url("auth"),
            "CHATCRAFT_SECRET_KEY": SECRET,
        }
        return await run_program(*_PROGRAM, *arguments, env=_UNCHANGED | found | env, typed=typed)

    return run
