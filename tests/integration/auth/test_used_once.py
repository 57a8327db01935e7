"""What may be used once is used once, whichever process of the service is asked, and however many at once."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local import ports, probe
from shared.bus import Bus
from shared.contracts import factors, proving
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.factors import Owner, give_password, read_clock, register_with_totp
from tests.integration.auth.test_process import START_S, start

AT_ONCE = 50
MFA_FAILED, UNAUTHENTICATED = ErrorCode.MFA_FAILED, ErrorCode.UNAUTHENTICATED


@asynccontextmanager
async def running(database_url: str, nats_url: str) -> AsyncIterator[int]:
    """Run one process of the service; yields its private port."""
    port = ports.pick_free()
    process = await start(
        database_url, nats_url, port, CHATCRAFT_AUTH_RATE_FACTOR="1000", CHATCRAFT_LOG_LEVEL="error"
    )
    try:
        async with asyncio.timeout(START_S):
            while not await probe.is_http_ok("127.0.0.1", port, "/readyz"):
                assert process.returncode is None
                await asyncio.sleep(0.05)  # between two looks at the condition
        yield port
    finally:
        process.terminate()
        await asyncio.wait_for(process.communicate(), START_S)


@pytest.fixture(scope="module")
async def processes(database_url: str, nats_url: Callable[[str], str]) -> AsyncIterator[list[int]]:
    """Two processes that share the work."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running(database_url, nats_url("auth")))
        yield [first, await stack.enter_async_context(running(database_url, nats_url("auth")))]


@pytest.fixture(scope="module")
async def client(processes: list[int], bus: Bus) -> Client:
    """Whoever of the two processes takes a request, answers."""
    return Client(bus)


async def finish_with(client: Client, owner: Owner, code: str) -> list[ErrorCode | None]:
    """Give one code for as many second steps of one account at once."""
    tokens = [await give_password(client, owner) for _ in range(AT_ONCE)]
    logins = (client.ask(proving.login_totp, proving.TotpLogin(token, code)) for token in tokens)
    return await asyncio.gather(*map(code_of, logins))


async def count_answered(processes: list[int], command: str) -> list[int]:
    """Return how often each process has answered a command."""
    counts = []
    async with httpx2.AsyncClient(timeout=START_S) as http:
        for port in processes:
            metrics = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
            wanted = rf'chatcraft_command_seconds_count{{command="{command}",outcome="\w+"}} (\d+)'
            counts.append(sum(int(found) for found in re.findall(wanted, metrics)))
    return counts


async def test_a_totp_code_used_fifty_times_at_once_on_two_processes_signs_in_once(
    client: Client, engine: AsyncEngine, processes: list[int]
):
    owner = await register_with_totp(client, engine)
    codes = await finish_with(client, owner, owner.code(await read_clock(engine), 1))
    assert codes.count(None) == 1
    assert codes.count(MFA_FAILED) == AT_ONCE - 1
    assert min(await count_answered(processes, "auth.login_totp")) > 0


async def test_a_recovery_code_used_fifty_times_at_once_signs_in_once(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    codes = await finish_with(client, owner, owner.recovery_codes[3])
    assert codes.count(None) == 1
    assert codes.count(MFA_FAILED) == AT_ONCE - 1
    listed = await client.ask(factors.list_factors, Empty(), owner.claims)
    assert listed.recovery_codes_left == 9


async def test_one_token_with_ten_right_codes_at_once_signs_in_once(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    token = await give_password(client, owner)
    logins = (client.ask(proving.login_totp, proving.TotpLogin(token, code)) for code in owner.recovery_codes)
    codes = await asyncio.gather(*map(code_of, logins))
    assert codes.count(None) == 1
    assert set(codes) == {None, UNAUTHENTICATED}
    listed = await client.ask(factors.list_factors, Empty(), owner.claims)
    assert listed.recovery_codes_left == 9
