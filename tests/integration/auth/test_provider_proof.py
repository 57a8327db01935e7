"""Proving once more that it is you at the provider by which you sign in, and what does not."""

import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus import Bus
from shared.contracts import factors, identities, privacy, proving
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.identities import FinishOidc
from shared.contracts.proving import ProviderAnswer
from shared.tokens import Claims
from tests.authenticator import Authenticator
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.factors import Owner, add_passkey, age_login, read_clock, register_with_totp
from tests.integration.auth.oidc import begin
from tests.integration.auth.service import run_auth
from tests.integration.auth.test_step_up import may_change, methods_due, step_up
from tests.oidc_providers import RunningProvider, describe, run_liar

MFA_FAILED = ErrorCode.MFA_FAILED
HOUR_S = 3_600
_numbers = count(1)


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[RunningProvider]:
    async with run_liar() as running:
        yield running


@pytest.fixture(scope="module")
async def client(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, provider: RunningProvider
) -> AsyncIterator[Client]:
    """An auth service of two providers."""
    settings = describe(
        {"id": "corp", "issuer": f"{provider.url}/one"}, {"id": "club", "issuer": f"{provider.url}/two"}
    )
    async with run_auth(database_url, nats_url("auth"), **settings):
        yield Client(bus)


@pytest.fixture
def subject() -> str:
    return f"sub-{next(_numbers)}"


@pytest.fixture
async def stale(client: Client, engine: AsyncEngine, provider: RunningProvider, subject: str) -> Claims:
    """Somebody who signs in at `corp` alone, as `subject`, and whose login began eleven minutes ago."""
    claims = await register_at_provider(client, provider, subject)
    await age_login(engine, claims)
    return claims


async def register_at_provider(client: Client, provider: RunningProvider, subject: str) -> Claims:
    await provider.behave(claims={"sub": subject, "email": f"{subject}@corp.example"})
    reply = await client.ask(identities.finish_oidc, await provider.consent(await begin(client)))
    assert reply.registration_token is not None
    asked = identities.RegisterOidc(reply.registration_token, f"user-{subject}")
    return await client.verify((await client.ask(identities.register_oidc, asked)).tokens)


async def leave(client: Client, claims: Claims, provider_id: str = "corp") -> identities.OidcBegun:
    return await client.ask(proving.begin_step_up, identities.BeginOidc(provider_id), claims)


async def come_back(
    client: Client, provider: RunningProvider, claims: Claims, subject: str, **said: Any
) -> ProviderAnswer:
    """Go to the provider and return; `said` is what its ID token says beside who it is."""
    begun = await leave(client, claims)
    await provider.behave(claims={"sub": subject} | {"auth_time": int(time.time())} | said)
    return to_answer(await provider.consent(begun))


def to_answer(asked: FinishOidc) -> ProviderAnswer:
    return ProviderAnswer(**msgspec.structs.asdict(asked))


async def test_the_provider_is_asked_to_authenticate_anew_and_its_answer_proves_it(
    client: Client, engine: AsyncEngine, provider: RunningProvider, stale: Claims, subject: str
):
    assert await methods_due(client, stale) == ["provider"]
    begun = await leave(client, stale)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.authorization_url).query).items()}
    assert (asked["prompt"], asked["max_age"], asked["code_challenge_method"]) == ("login", "0", "S256")
    back = await come_back(client, provider, stale, subject)
    assert await step_up(client, stale, provider=back) is None
    await add_passkey(client, stale, Authenticator())
    [proved] = await list_recorded(engine, "login.proved", stale.user_id)
    assert proved.details == {"method": "provider"}
    assert await step_up(client, stale, provider=back) is MFA_FAILED  # a state is good once


async def test_who_has_proved_it_may_turn_totp_on_and_needs_a_code_from_then_on(
    client: Client, engine: AsyncEngine, provider: RunningProvider, stale: Claims, subject: str
):
    waiting = await come_back(client, provider, stale, subject)
    back = await come_back(client, provider, stale, subject)
    assert await step_up(client, stale, provider=back) is None
    begun = await client.ask(factors.begin_totp, Empty(), stale)
    owner = Owner("", stale, begun.secret, [])
    confirm = factors.ConfirmTotp(owner.code(await read_clock(engine)))
    await client.ask(factors.confirm_totp, confirm, stale)
    await age_login(engine, stale)
    assert await code_of(leave(client, stale)) is ErrorCode.FORBIDDEN
    assert await step_up(client, stale, provider=waiting) is ErrorCode.FORBIDDEN
    assert await methods_due(client, stale) == ["totp", "recovery_code"]


async def test_who_has_proved_it_may_erase_their_account(
    client: Client, provider: RunningProvider, stale: Claims, subject: str
):
    erase = client.ask(privacy.erase_me, privacy.EraseMe("erase"), stale)
    assert await code_of(erase) is ErrorCode.FORBIDDEN
    back = await come_back(client, provider, stale, subject)
    assert await step_up(client, stale, provider=back) is None
    assert await code_of(client.ask(privacy.erase_me, privacy.EraseMe("erase"), stale)) is None


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"auth_time": None}, id="not said when"),
        pytest.param({"auth_time": int(time.time()) - HOUR_S}, id="by a session from before"),
        pytest.param({"auth_time": int(time.time()) + HOUR_S}, id="in the future"),
        pytest.param({"auth_time": "now"}, id="no time"),
        pytest.param({"auth_time": True}, id="a truth value"),
        pytest.param({"auth_time": float("nan")}, id="not a number"),
        pytest.param({"auth_time": float("inf")}, id="for ever"),
        pytest.param({"nonce": "another"}, id="the token of another journey"),
        pytest.param({"sub": "somebody else"}, id="somebody else there"),
    ],
)
async def test_who_was_not_authenticated_anew_has_proved_nothing(
    client: Client, provider: RunningProvider, stale: Claims, subject: str, said: dict[str, Any]
):
    back = await come_back(client, provider, stale, subject, **said)
    assert await step_up(client, stale, provider=back) is MFA_FAILED
    assert not await may_change(client, stale)


async def test_an_answer_that_was_fetched_for_another_purpose_proves_nothing_and_the_other_way_round(
    client: Client, engine: AsyncEngine, provider: RunningProvider, stale: Claims, subject: str
):
    await provider.behave(claims={"sub": subject, "auth_time": int(time.time())})
    signing_in = await provider.consent(await begin(client))
    assert await step_up(client, stale, provider=to_answer(signing_in)) is MFA_FAILED
    proof = await come_back(client, provider, stale, subject)
    assert await code_of(client.ask(identities.finish_oidc, proof)) is ErrorCode.UNAUTHENTICATED
    _, fresh = await client.register_claims()
    add = client.ask(identities.add_identity, proof, fresh)
    assert await code_of(add) is ErrorCode.UNAUTHENTICATED


async def test_a_proof_counts_for_who_went_only(
    client: Client, engine: AsyncEngine, provider: RunningProvider, stale: Claims, subject: str
):
    other = await register_at_provider(client, provider, f"{subject}-other")
    await age_login(engine, other)
    theirs = await come_back(client, provider, other, subject)
    assert await step_up(client, stale, provider=theirs) is MFA_FAILED
    stolen = await come_back(client, provider, stale, subject)
    unbound = ProviderAnswer(stolen.state, theirs.binding, stolen.code, stolen.iss)
    assert await step_up(client, stale, provider=unbound) is MFA_FAILED
    assert not await may_change(client, stale)
    assert not await may_change(client, other)


async def test_only_where_one_signs_in_can_one_go(client: Client, engine: AsyncEngine, stale: Claims):
    assert await code_of(leave(client, stale, "club")) is ErrorCode.NOT_FOUND
    assert await code_of(leave(client, stale, "nobody")) is ErrorCode.NOT_FOUND
    owner = await register_with_totp(client, engine)
    assert await code_of(leave(client, owner.claims)) is ErrorCode.FORBIDDEN


async def test_it_goes_with_no_other_proof(
    client: Client, provider: RunningProvider, stale: Claims, subject: str
):
    back = await come_back(client, provider, stale, subject)
    assert await step_up(client, stale, provider=back, code="000000") is ErrorCode.INVALID_INPUT
    assert await step_up(client, stale, provider=back) is None  # it was not used up
