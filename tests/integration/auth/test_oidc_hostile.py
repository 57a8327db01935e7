"""Signing in at a provider that lies, or is mixed up with another: nobody gets in."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from deploy.local import ports
from shared.bus import Bus
from shared.contracts import identities, registration
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.identities import FinishOidc
from shared.errors import ChatError
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.oidc import begin
from tests.integration.auth.service import run_auth
from tests.oidc_providers import CLIENT_ID, RunningProvider, describe, run_liar

UNAUTHENTICATED, UNAVAILABLE = ErrorCode.UNAUTHENTICATED, ErrorCode.UNAVAILABLE
HOUR_S = 3_600

LIES = [
    pytest.param({"claims": {"nonce": "another"}}, id="wrong nonce"),
    pytest.param({"claims": {"nonce": None}}, id="no nonce"),
    pytest.param({"claims": {"aud": "somebody else"}}, id="wrong audience"),
    pytest.param({"claims": {"aud": None}}, id="no audience"),
    pytest.param({"claims": {"aud": [CLIENT_ID, "somebody else"]}}, id="several audiences and no party"),
    pytest.param({"claims": {"azp": "somebody else"}}, id="made for another client"),
    pytest.param({"claims": {"iss": "https://evil.example"}}, id="wrong issuer"),
    pytest.param({"claims": {"iss": None}}, id="no issuer"),
    pytest.param({"claims": {"exp": int(time.time()) - HOUR_S}}, id="expired"),
    pytest.param({"claims": {"exp": None}}, id="without end"),
    pytest.param({"claims": {"iat": int(time.time()) + HOUR_S}}, id="issued in the future"),
    pytest.param({"claims": {"iat": int(time.time()) - HOUR_S}}, id="issued long ago"),
    pytest.param({"claims": {"iat": None}}, id="not said when issued"),
    pytest.param({"claims": {"exp": float("inf")}}, id="good for ever"),
    pytest.param({"claims": {"sub": None}}, id="without a subject"),
    pytest.param({"claims": {"sub": ""}}, id="with an empty subject"),
    pytest.param({"claims": {"sub": "x" * 256}}, id="with a subject that is too long"),
    pytest.param({"claims": {"sub": 7}}, id="with a number as its subject"),
    pytest.param({"algorithm": "none"}, id="alg none"),
    pytest.param({"algorithm": "HS256"}, id="alg HS256 with the public key"),
    pytest.param({"signed_by": "foreign"}, id="signed by a foreign key"),
    pytest.param({"kid": "unheard-of"}, id="signed by a key that is not published"),
    pytest.param({"claims": {"email": None}, "userinfo": {"sub": "eve"}}, id="userinfo of somebody else"),
]


@pytest.fixture(scope="module")
async def liar() -> AsyncIterator[RunningProvider]:
    async with run_liar() as running:
        yield running


@pytest.fixture(scope="module")
def providers(liar: RunningProvider) -> dict[str, Any]:
    """Two issuers that conspire, and one whose server is not there."""
    return describe(
        {"id": "corp", "issuer": f"{liar.url}/one"},
        {"id": "club", "issuer": f"{liar.url}/two"},
        {"id": "away", "issuer": f"http://127.0.0.1:{ports.pick_free()}"},
    )


@pytest.fixture(scope="module")
async def client(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, providers: dict[str, Any]
) -> AsyncIterator[Client]:
    async with run_auth(database_url, nats_url("auth"), **providers):
        yield Client(bus)


@pytest.fixture(autouse=True)
async def good_manners(liar: RunningProvider) -> None:
    """Every test begins with a provider that behaves."""
    for tenant in ("one", "two"):
        await liar.behave(tenant)


async def arrive(client: Client, liar: RunningProvider, provider_id: str = "corp") -> identities.OidcReply:
    return await client.ask(identities.finish_oidc, await liar.consent(await begin(client, provider_id)))


async def test_while_it_tells_the_truth_people_come_in(client: Client, liar: RunningProvider):
    reply = await arrive(client, liar)
    assert reply.suggested is not None
    assert reply.suggested.email == "ada@corp.example"
    assert (await arrive(client, liar, "club")).registration_token is not None
    party = {"claims": {"aud": [CLIENT_ID, "somebody else"], "azp": CLIENT_ID}}
    await liar.behave(**party)
    assert (await arrive(client, liar)).registration_token is not None


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_lets_nobody_in(client: Client, liar: RunningProvider, lie: dict[str, Any]):
    await liar.behave(**lie)
    with pytest.raises(ChatError) as refused:
        await arrive(client, liar)
    assert refused.value.code is UNAUTHENTICATED
    # One answer to every lie: it teaches nobody what to say instead.
    assert refused.value.body.message == "the provider's answer was not accepted; sign in again"


async def test_the_answer_of_another_provider_is_refused_before_anything_is_sent_there(
    client: Client, liar: RunningProvider
):
    """Mix-up: the browser was sent to one, and brings the code of the other."""
    ours, theirs = await begin(client, "corp"), await begin(client, "club")
    asked, other = await liar.consent(ours), await liar.consent(theirs)
    before = await liar.count("token")
    mixed = FinishOidc(asked.state, asked.binding, other.code, other.iss)
    assert await code_of(client.ask(identities.finish_oidc, mixed)) is UNAUTHENTICATED
    assert await liar.count("token") == before


async def test_an_answer_that_does_not_say_whose_it_is_is_refused_where_it_always_does(
    client: Client, liar: RunningProvider
):
    asked = await liar.consent(await begin(client))
    silent = FinishOidc(asked.state, asked.binding, asked.code)
    assert await code_of(client.ask(identities.finish_oidc, silent)) is UNAUTHENTICATED


async def test_a_token_of_another_issuer_with_the_same_keys_is_refused(client: Client, liar: RunningProvider):
    await liar.behave(claims={"iss": f"{liar.url}/two"})
    assert await code_of(arrive(client, liar)) is UNAUTHENTICATED


async def test_a_code_counts_once(client: Client, liar: RunningProvider):
    asked = await liar.consent(await begin(client))
    assert await code_of(client.ask(identities.finish_oidc, asked)) is None
    begun = await begin(client)
    replayed = FinishOidc(begun.state, begun.binding, asked.code, asked.iss)
    assert await code_of(client.ask(identities.finish_oidc, replayed)) is UNAUTHENTICATED


async def test_a_provider_that_is_away_is_unavailable_and_the_others_are_not(
    client: Client, liar: RunningProvider
):
    assert await code_of(begin(client, "away")) is UNAVAILABLE
    assert await code_of(arrive(client, liar)) is None
    assert len((await client.ask(registration.get_policy, Empty())).providers) == 3
