"""More logins at once than can be looked at: the rest is told at once, loses no try, and asks nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import passwords as module
from services.auth.passwords import Passwords
from shared.bus import Bus
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.service import run_auth
from tests.wire import eventually

PLACES = 3
FLOOD = 40


@pytest.fixture
async def narrow(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """A service with few places."""
    monkeypatch.setattr(module, "_WAITING_PER_THREAD", PLACES)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 1)
    async with run_auth(database_url, nats_url("auth")):
        yield Client(bus)


async def count_charged(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM auth.limits")) or 0)


async def test_who_finds_no_place_is_refused_before_anything_is_charged(
    narrow: Client, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
):
    name = (await narrow.register()).user.username
    gate, verify, verifying = asyncio.Event(), Passwords.verify, 0

    async def verify_later(self: Passwords, wanted: str | None, password: str) -> bool:
        nonlocal verifying
        verifying += 1
        await gate.wait()
        return await verify(self, wanted, password)

    monkeypatch.setattr(Passwords, "verify", verify_later)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM auth.limits"))
    inside = [asyncio.create_task(code_of(narrow.login(name))) for _ in range(PLACES)]
    await eventually(lambda: verifying == PLACES)
    charged = await count_charged(engine)
    outside = [narrow.login(each) for number in range(FLOOD) for each in (name, f"nobody-{number}")]
    answers = await asyncio.gather(*outside, return_exceptions=True)
    assert {each.code for each in answers if isinstance(each, ChatError)} == {ErrorCode.RATE_LIMITED}
    assert len({str(each) for each in answers}) == 1
    assert verifying == PLACES
    assert await count_charged(engine) == charged
    assert await code_of(narrow.register()) is ErrorCode.RATE_LIMITED
    gate.set()
    assert await asyncio.gather(*inside) == [None] * PLACES
    assert await code_of(narrow.login(name)) is None
