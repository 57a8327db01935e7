"""Fixtures for every test: real servers, fresh databases, and a whole running ChatCraft (`stack`).

Nothing starts before a test asks for it; all of it is stopped at the end, also when tests fail.
"""

import os
import signal
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deploy.local.data_dir import DataDir
from deploy.local.servers import EmbeddedServers
from tests.stack import Stack

if TYPE_CHECKING:
    from tests.databases import DatabaseFactory


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
    """What this shell has set for `chatcraft` must not reach the tests."""
    saved = {name: value for name, value in os.environ.items() if name.startswith("CHATCRAFT_")}
    for name in saved:
        del os.environ[name]
    yield
    os.environ.update(saved)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell lets its jobs in the background ignore Ctrl-C, and what they start: some tests press it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataDir]:
    """The data directory of `servers`."""
    with DataDir.open(tmp_path_factory.mktemp("servers") / "data") as data_dir:
        yield data_dir


@pytest.fixture(scope="session")
async def servers(server_dir: DataDir) -> AsyncIterator[EmbeddedServers]:
    """PostgreSQL, NATS and Valkey for the whole run: for tests that start services in this process.

    `stack` has servers of its own, so the two never answer each other's commands.
    """
    async with EmbeddedServers(server_dir) as running:
        yield running


@pytest.fixture(scope="session")
async def databases(servers: EmbeddedServers, server_dir: DataDir) -> "DatabaseFactory":
    """Makes further databases: `await databases.create()`."""
    from tests.databases import DatabaseFactory

    return DatabaseFactory(servers, server_dir)


@pytest.fixture(scope="module")
async def fresh_database(databases: "DatabaseFactory") -> str:
    """URL of a migrated database that only this test module uses."""
    return await databases.create()


@pytest.fixture(scope="session")
def nats_url(servers: EmbeddedServers) -> Callable[[str], str]:
    """`nats_url("gateway")`: the bus as one of its users (auth, gateway, messages, presence)."""
    return servers.endpoints.nats_url_by_user.__getitem__


@pytest.fixture
async def redis_url(servers: EmbeddedServers) -> str:
    """URL of the Redis of `servers`, emptied for this test."""
    from redis.asyncio import Redis

    url = servers.endpoints.redis_url
    async with Redis.from_url(url) as client:
        await client.flushall()
    return url


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A running ChatCraft shared by the whole run: 2 gateways, 2 messages, 1 auth, 1 presence.

    Leave it as you found it; a test that kills or restarts takes `stack_factory`.
    """
    with DataDir.open(tmp_path_factory.mktemp("stack") / "data") as data_dir:
        async with Stack("stack", data_dir) as running:
            yield running


@pytest.fixture
async def stack_factory(
    tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Callable[..., Stack]]:
    """Makes stacks of a test's own: `async with stack_factory(counts={"gateway": 3}, env={…}) as stack:`."""
    opened: list[tuple[Stack, DataDir]] = []

    def make(**options: Any) -> Stack:
        data_dir = DataDir.open(tmp_path / f"stack-{len(opened)}")
        made = Stack(f"{request.node.name[:80]}-{len(opened)}".replace("/", "_"), data_dir, **options)
        opened.append((made, data_dir))
        return made

    yield make
    for made, data_dir in opened:
        await made.stop()
        data_dir.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Remember where the logs of the running stacks are, before each test."""
    for running in Stack.running:
        running.mark_logs()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what the processes logged meanwhile; whole logs are in test-artifacts/."""
    report = yield
    if report.passed:
        report.sections.clear()  # nobody reads them, and with xdist another process would be sent them
    if report.failed:
        for running in list(Stack.running):
            report.sections.append((f"logs of {running.name}", running.read_logs()))
    return report
