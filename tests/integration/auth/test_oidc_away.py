"""Signing in at a provider that is down, slow or without end: unavailable, and nothing else stands still."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import pytest

from shared.bus import Bus
from shared.contracts import registration
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.oidc import begin
from tests.integration.auth.service import run_auth
from tests.integration.auth.test_oidc_hostile import arrive
from tests.oidc_providers import RunningProvider, describe, run_liar
from tests.wire import eventually

_numbers = count(1)
UNAUTHENTICATED, UNAVAILABLE = ErrorCode.UNAUTHENTICATED, ErrorCode.UNAVAILABLE


@pytest.fixture(scope="module")
async def liar() -> AsyncIterator[RunningProvider]:
    async with run_liar() as running:
        yield running


@pytest.fixture
def tenant() -> str:
    """An issuer of this test's own."""
    return f"tenant-{next(_numbers)}"


@pytest.fixture
async def fresh(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, liar: RunningProvider, tenant: str
) -> AsyncIterator[Client]:
    """A service that has not yet spoken to its provider."""
    settings = describe({"id": "corp", "issuer": f"{liar.url}/{tenant}"})
    async with run_auth(database_url, nats_url("auth"), **settings):
        yield Client(bus)


async def test_a_new_key_is_fetched_once_and_unknown_ones_do_not_make_us_ask_again_and_again(
    fresh: Client, liar: RunningProvider, tenant: str
):
    async def come(**how: Any) -> ErrorCode | None:
        await liar.behave(tenant, **how)
        return await code_of(arrive(fresh, liar))

    assert await come() is None
    assert await come() is None
    assert await liar.count("jwks", tenant) == 1
    rotated = {"shown_keys": ["first", "second"], "kid": "second", "signed_by": "second"}
    assert await come(**rotated) is None
    assert await liar.count("jwks", tenant) == 2
    assert await come(kid="unheard-of") is UNAUTHENTICATED
    assert await come(kid="never-seen") is UNAUTHENTICATED
    assert await come(**rotated) is None
    assert await liar.count("jwks", tenant) == 2
    assert await liar.count("openid", tenant) == 1


@pytest.mark.parametrize("how", ["fails", "redirects", "floods", "packs"])
async def test_a_discovery_that_fails_is_unavailable_and_good_again_soon_after(
    fresh: Client, liar: RunningProvider, tenant: str, how: str
):
    await liar.behave(tenant, openid=how)
    assert await code_of(begin(fresh)) is UNAVAILABLE
    await liar.behave(tenant)

    async def is_good_again() -> bool:
        return await code_of(arrive(fresh, liar)) is None

    await eventually(is_good_again)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "https://user@evil.example/"},
        {"token_endpoint": None},
    ],
    ids=[
        "another issuer",
        "a token endpoint without TLS",
        "a file",
        "a script",
        "a user in it",
        "no endpoint",
    ],
)
async def test_a_discovery_that_leads_astray_is_not_followed(
    fresh: Client, liar: RunningProvider, tenant: str, metadata: dict[str, Any]
):
    await liar.behave(tenant, openid=metadata)
    assert await code_of(begin(fresh)) is UNAVAILABLE


@pytest.mark.parametrize("endpoint", ["token", "jwks", "userinfo"])
@pytest.mark.parametrize("how", ["fails", "redirects", "floods", "packs"])
async def test_what_fails_on_the_way_back_is_unavailable(
    fresh: Client, liar: RunningProvider, tenant: str, endpoint: str, how: str
):
    await liar.behave(tenant, claims={"email": None}, **{endpoint: how})
    assert await code_of(arrive(fresh, liar)) is UNAVAILABLE
    assert await liar.count("elsewhere", tenant) == 0


@pytest.mark.parametrize("endpoint", ["openid", "token", "userinfo"])
async def test_a_provider_without_end_is_given_up_within_the_time_of_a_command(
    fresh: Client, liar: RunningProvider, tenant: str, endpoint: str
):
    """A command is answered within ten seconds; and whoever else comes meanwhile is not held up."""
    await liar.behave(tenant, claims={"email": None}, **{endpoint: "drips"})
    waiting = asyncio.ensure_future(code_of(arrive(fresh, liar)))
    await eventually(lambda: liar.count(endpoint, tenant))
    assert await code_of(fresh.ask(registration.get_policy, Empty())) is None
    assert not waiting.done()
    assert await asyncio.wait_for(waiting, 30) is UNAVAILABLE
