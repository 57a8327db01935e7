"""Signing in at a provider through the gateway, as the protocol says it: shapes, statuses, the cookie."""

from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from shared.contracts.identities import FinishOidc, OidcBegun
from tests.oidc_providers import RunningProvider, describe, run_mock
from tests.stack import Stack

BROWSER = {"X-Chat-Client": "web"}


@pytest.fixture
async def provider() -> AsyncIterator[RunningProvider]:
    async with run_mock() as running:
        yield running


async def go(http: httpx2.AsyncClient, provider: RunningProvider, subject: str) -> FinishOidc:
    begun = await http.post("/auth/oidc/corp")
    assert (begun.status_code, begun.json().keys()) == (200, {"authorization_url", "state", "binding"})
    return await provider.sign_in(OidcBegun(**begun.json()), subject)


async def finish(http: httpx2.AsyncClient, asked: FinishOidc) -> httpx2.Response:
    sent = {"state": asked.state, "binding": asked.binding, "code": asked.code}
    return await http.post("/auth/oidc", json=sent, headers=BROWSER)


async def test_a_browser_registers_and_signs_in_by_a_provider_on_whatever_node(
    stack_factory: Callable[..., Stack], provider: RunningProvider
):
    settings = describe({"id": "corp", "issuer": provider.url})
    env = {f"CHATCRAFT_{name.upper()}": value for name, value in settings.items()}
    counts = {"auth": 2, "messages": 1, "presence": 1, "gateway": 1}
    async with (
        stack_factory(counts=counts, env=env) as stack,
        httpx2.AsyncClient(base_url=f"{stack.gateway_urls[0]}/api/v1", timeout=30) as http,
    ):
        policy = (await http.get("/auth/policy")).json()
        assert policy["providers"] == [{"id": "corp", "name": "Corp"}]
        assert (await http.post("/auth/oidc/nobody")).status_code == 404

        await provider.put_user("ada", email="ada@corp.example", email_verified=True)
        due = await finish(http, await go(http, provider, "ada"))
        assert (due.status_code, due.json().keys()) == (200, {"registration_token", "suggested"})
        body = {"registration_token": due.json()["registration_token"], "username": "ada"}
        made = await http.post("/auth/oidc/register", json=body, headers=BROWSER)
        assert (made.status_code, made.json().keys()) == (201, {"user", "tokens"})
        assert made.json()["tokens"]["refresh_token"] is None
        assert made.cookies["chat_refresh"]

        # With two nodes, one of these ways at least is begun by one and finished by the other.
        for _ in range(6):
            asked = await go(http, provider, "ada")
            done = await finish(http, asked)
            assert (done.status_code, done.json().keys()) == (200, {"user", "tokens"})
            assert done.json()["user"] == made.json()["user"]
            assert done.json()["tokens"]["refresh_token"] is None
            assert (await finish(http, asked)).status_code == 401

        bearer = {"Authorization": f"Bearer {done.json()['tokens']['access_token']}"}
        [identity] = (await http.get("/users/me/identities", headers=bearer)).json()["identities"]
        assert identity["email"] == "ada@corp.example"
        last = await http.delete(f"/users/me/identities/{identity['id']}", headers=bearer)
        assert (last.status_code, last.json()["error"]["code"]) == (409, "conflict")
