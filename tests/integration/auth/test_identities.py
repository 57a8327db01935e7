"""Accounts at several providers of one user: added by who is signed in, shown, removed; each one's own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus import Bus
from shared.contracts import identities
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.tokens import Claims
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.factors import age_login, list_deeds
from tests.integration.auth.oidc import arrive, begin, register_there
from tests.integration.auth.service import run_auth
from tests.integration.auth.test_registration_modes import reason_of
from tests.oidc_providers import RunningProvider, describe, run_mock

UNAUTHENTICATED = ErrorCode.UNAUTHENTICATED


@pytest.fixture(scope="module")
async def corp() -> AsyncIterator[RunningProvider]:
    async with run_mock() as running:
        yield running


@pytest.fixture(scope="module")
async def club() -> AsyncIterator[RunningProvider]:
    async with run_mock() as running:
        yield running


@pytest.fixture(scope="module")
def providers(corp: RunningProvider, club: RunningProvider) -> dict[str, Any]:
    """The settings of a service that has both."""
    return describe(
        {"id": "corp", "issuer": corp.url},
        {"id": "club", "name": "The club", "issuer": club.url, "allow_registration": False},
    )


@pytest.fixture(scope="module")
async def client(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, providers: dict[str, Any]
) -> AsyncIterator[Client]:
    async with run_auth(database_url, nats_url("auth"), **providers):
        yield Client(bus)


async def go(
    client: Client, provider: RunningProvider, claims: Claims, subject: str
) -> identities.FinishOidc:
    """Go to the club as who is signed in here."""
    begun = await client.ask(identities.begin_identity, identities.BeginOidc("club"), claims)
    return await provider.sign_in(begun, subject)


async def test_who_is_signed_in_adds_one_uses_it_and_removes_it(
    client: Client, engine: AsyncEngine, club: RunningProvider
):
    _, claims = await client.register_claims()
    asked = await go(client, club, claims, "member-1")
    added = await client.ask(identities.add_identity, asked, claims)
    assert (added.provider_id, added.provider_name, added.last_used_at) == ("club", "The club", None)
    assert (await client.ask(identities.list_identities, Empty(), claims)).identities == [added]
    reply = await arrive(client, club, "member-1", "club")
    assert reply.user is not None
    assert reply.user.id == claims.user_id

    await client.ask(identities.remove_identity, identities.RemoveIdentity(added.id), claims)
    assert (await client.ask(identities.list_identities, Empty(), claims)).identities == []
    deeds = await list_deeds(engine, claims.user_id)
    assert [deed for deed in deeds if deed.startswith("identity.")] == ["identity.added", "identity.removed"]
    # The club brings nobody new: who was a member is a stranger again.
    assert await reason_of(arrive(client, club, "member-1", "club")) == "registration_closed"


async def test_an_account_there_belongs_to_one_user_here(client: Client, club: RunningProvider):
    _, first = await client.register_claims()
    _, second = await client.register_claims()
    await client.ask(identities.add_identity, await go(client, club, first, "shared"), first)
    theirs = client.ask(identities.add_identity, await go(client, club, second, "shared"), second)
    assert await code_of(theirs) is ErrorCode.CONFLICT
    again = client.ask(identities.add_identity, await go(client, club, first, "shared"), first)
    assert await code_of(again) is ErrorCode.CONFLICT


async def test_nobody_returns_in_the_place_of_another_user_nor_of_who_signs_in(
    client: Client, club: RunningProvider
):
    _, anna = await client.register_claims()
    _, eve = await client.register_claims()
    asked = await go(client, club, anna, "anna")
    assert await code_of(client.ask(identities.add_identity, asked, eve)) is UNAUTHENTICATED
    asked = await go(client, club, anna, "anna")
    assert await code_of(client.ask(identities.finish_oidc, asked)) is UNAUTHENTICATED
    asked = await club.sign_in(await begin(client, "club"), "anna")
    assert await code_of(client.ask(identities.add_identity, asked, anna)) is UNAUTHENTICATED


async def test_changes_want_a_fresh_proof_and_the_way_back_waits_for_it(
    client: Client, engine: AsyncEngine, club: RunningProvider
):
    signed_in, claims = await client.register_claims()
    asked = await go(client, club, claims, "stale")
    await age_login(engine, claims)
    for work in (
        client.ask(identities.begin_identity, identities.BeginOidc("club"), claims),
        client.ask(identities.add_identity, asked, claims),
        client.ask(identities.link_identity, identities.LinkIdentity("made up"), claims),
        client.ask(identities.remove_identity, identities.RemoveIdentity(claims.user_id), claims),
    ):
        assert await reason_of(work) == "step_up"
    again = await client.verify((await client.login(signed_in.user.username)).tokens)
    assert await code_of(client.ask(identities.add_identity, asked, again)) is None


async def test_a_change_ends_the_other_logins(client: Client, club: RunningProvider):
    signed_in, claims = await client.register_claims()
    other = await client.login(signed_in.user.username)
    await client.ask(identities.add_identity, await go(client, club, claims, "many logins"), claims)
    assert await code_of(client.refresh(other.tokens.refresh_token)) is UNAUTHENTICATED
    assert await code_of(client.refresh(signed_in.tokens.refresh_token)) is None


async def test_others_identities_are_not_found(client: Client, corp: RunningProvider):
    _, owner = await register_there(client, corp, "owner of one")
    [identity] = (await client.ask(identities.list_identities, Empty(), owner)).identities
    _, eve = await client.register_claims()
    removed = client.ask(identities.remove_identity, identities.RemoveIdentity(identity.id), eve)
    assert await code_of(removed) is ErrorCode.NOT_FOUND


async def test_of_50_registrations_with_one_token_one_is_made(client: Client, corp: RunningProvider):
    token = (await arrive(client, corp, "many at once")).registration_token
    assert token is not None
    asked = [identities.RegisterOidc(token, f"at-once-{number}") for number in range(50)]
    codes = await asyncio.gather(*(code_of(client.ask(identities.register_oidc, each)) for each in asked))
    assert codes.count(None) == 1
    assert set(codes) == {None, UNAUTHENTICATED}


async def test_of_many_tokens_of_one_person_one_makes_an_account(client: Client, corp: RunningProvider):
    tokens = [(await arrive(client, corp, "impatient")).registration_token or "" for _ in range(2)]
    asked = [identities.RegisterOidc(token, f"impatient-{n}") for n, token in enumerate(tokens)]
    assert await code_of(client.ask(identities.register_oidc, asked[0])) is None
    assert await code_of(client.ask(identities.register_oidc, asked[1])) is ErrorCode.CONFLICT


async def test_a_name_that_is_taken_leaves_the_token_usable_and_is_not_suggested(
    client: Client, corp: RunningProvider
):
    taken = (await client.register(username="popular")).user.username
    await corp.put_user("popular", preferred_username="popular")
    reply = await arrive(client, corp, "popular")
    assert reply.suggested is not None
    assert reply.registration_token is not None
    assert reply.suggested.username == "popular-2"
    with pytest.raises(ChatError) as refused:
        await client.ask(identities.register_oidc, identities.RegisterOidc(reply.registration_token, taken))
    assert refused.value.code is ErrorCode.CONFLICT
    assert refused.value.body.details["fields"][0]["path"] == "username"
    asked = identities.RegisterOidc(reply.registration_token, "popular-2")
    assert (await client.ask(identities.register_oidc, asked)).user.username == "popular-2"
