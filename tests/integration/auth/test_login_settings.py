"""The limits of logins as a deployment sets them; the service here has others than the ones that come."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus import Bus
from shared.contracts.errors import ErrorCode
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.service import run_auth
from tests.integration.auth.test_login_limits import DAY, age, read_end


@pytest.fixture(scope="module")
async def client(database_url: str, nats_url: Callable[[str], str], bus: Bus) -> AsyncIterator[Client]:
    """As in conftest, with short limits."""
    limits = {"auth_idle_limit_days": 2, "auth_absolute_limit_days": 5}
    async with run_auth(database_url, nats_url("auth"), **limits):
        yield Client(bus)


async def test_a_login_begins_and_is_refreshed_with_the_limits_that_are_set(
    client: Client, engine: AsyncEngine
):
    registered, claims = await client.register_claims()
    assert 2 * DAY - timedelta(minutes=5) < (await read_end(engine, claims.login_id))[0] < 2 * DAY
    await age(engine, claims.login_id, began=4 * DAY, used=DAY)
    renewed = await client.refresh(registered.tokens.refresh_token)
    assert DAY - timedelta(minutes=5) < (await read_end(engine, claims.login_id))[0] < DAY
    await age(engine, claims.login_id, began=5 * DAY, used=DAY)
    assert await code_of(client.refresh(renewed.refresh_token)) is ErrorCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    "limit", [{"auth_idle_limit_days": 0}, {"auth_idle_limit_days": 401}, {"auth_absolute_limit_days": 0}]
)
async def test_limits_without_sense_are_refused_at_the_start(limit: dict[str, int]):
    with pytest.raises(ValidationError, match=next(iter(limit))):
        async with run_auth("postgresql://x", "nats://x", **limit):
            pass
