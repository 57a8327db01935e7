"""The service as a process: ready, silent about secrets, stopped in order; what it says if it cannot."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable

import asyncpg
import pytest

from deploy.local import ports, probe
from shared.bus import Bus
from shared.contracts.errors import ErrorCode
from tests.databases import DatabaseFactory
from tests.integration.auth.client import PASSWORD, Client, code_of
from tests.integration.auth.service import SECRET

START_S = 60.0


async def start(database_url: str, nats_url: str, port: int, **env: str) -> asyncio.subprocess.Process:
    """Start `python -m services.auth`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CHATCRAFT_")}
    own |= {
        "CHATCRAFT_DATABASE_URL": database_url,
        "CHATCRAFT_NATS_URL": nats_url,
        "CHATCRAFT_HEALTH_PORT": str(port),
        "CHATCRAFT_SECRET_KEY": SECRET,
        "CHATCRAFT_LOG_LEVEL": "debug",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.auth",
        env=own | env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def read_failure(process: asyncio.subprocess.Process) -> str:
    """Return what a process said that could not start."""
    output, _ = await asyncio.wait_for(process.communicate(), START_S)
    assert process.returncode not in {0, None}
    assert b"Traceback" not in output
    return output.decode()


async def test_a_process_gets_ready_serves_and_stops_without_showing_a_secret(
    database_url: str, nats_url: Callable[[str], str], bus: Bus
):
    port = ports.pick_free()
    process = await start(database_url, nats_url("auth"), port)
    try:
        async with asyncio.timeout(START_S):
            while not await probe.is_http_ok("127.0.0.1", port, "/readyz"):
                assert process.returncode is None
                await asyncio.sleep(0.05)  # between two looks at the condition
        client = Client(bus)
        registered = await client.register(username="logged.user", email="logged@mail.example")
        await client.refresh(registered.tokens.refresh_token)
        assert await code_of(client.login("logged.user", "wrong pass phrase")) is ErrorCode.UNAUTHENTICATED
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.wait_for(process.communicate(), START_S)
    assert process.returncode in {0, -signal.SIGTERM}  # uvicorn passes the signal on after stopping
    said = output.decode()
    assert "started" in said
    assert "stopped" in said
    secrets = (PASSWORD, "wrong pass phrase", SECRET, registered.tokens.access_token)
    assert not [secret for secret in (*secrets, registered.tokens.refresh_token) if str(secret) in said]


async def test_a_database_without_the_schema_is_named_with_the_way_out(
    databases: DatabaseFactory, nats_url: Callable[[str], str]
):
    process = await start(await databases.create_empty(), nats_url("auth"), ports.pick_free())
    assert "shared.migrate" in await read_failure(process)


async def test_a_schema_from_the_future_is_named(databases: DatabaseFactory, nats_url: Callable[[str], str]):
    url = await databases.create()
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE auth.schema_version SET version_num = '0101'")
    await connection.close()
    assert "newer build" in await read_failure(await start(url, nats_url("auth"), ports.pick_free()))


async def test_a_database_that_is_not_there_is_named(nats_url: Callable[[str], str]):
    url = f"postgresql://nobody:nothing@127.0.0.1:{ports.pick_free()}/nowhere"
    assert "database" in await read_failure(await start(url, nats_url("auth"), ports.pick_free()))


@pytest.mark.parametrize("secret", ["", "too-short"])
async def test_a_missing_or_short_secret_is_named_and_not_shown(
    database_url: str, nats_url: Callable[[str], str], secret: str
):
    process = await start(database_url, nats_url("auth"), ports.pick_free(), CHATCRAFT_SECRET_KEY=secret)
    said = await read_failure(process)
    assert "CHATCRAFT_SECRET_KEY" in said
    assert not secret or secret not in said
