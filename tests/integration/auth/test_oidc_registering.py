"""Who may register by a provider: as far as the policy lets people in, and by what it asks of everybody."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus import Bus
from shared.contracts import identities
from shared.contracts.errors import ErrorCode
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.oidc import arrive, register_there
from tests.integration.auth.service import run_auth
from tests.integration.auth.test_registration_modes import insert_admin, invite, reason_of
from tests.oidc_providers import RunningProvider, describe, run_mock

Run = Callable[..., Awaitable[Client]]


@pytest.fixture(scope="module")
async def corp() -> AsyncIterator[RunningProvider]:
    async with run_mock() as running:
        yield running


@pytest.fixture
async def run(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, corp: RunningProvider
) -> AsyncIterator[Run]:
    """`await run(auth_registration="closed")`: a service that has the provider, with these settings."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Client:
            providers = describe({"id": "corp", "issuer": corp.url})
            await stack.enter_async_context(run_auth(database_url, nats_url("auth"), **providers, **settings))
            return Client(bus)

        yield start


async def register_by(client: Client, token: str | None, name: str, **fields: Any) -> str:
    assert token is not None
    asked = identities.RegisterOidc(token, name, **fields)
    return (await client.ask(identities.register_oidc, asked)).user.id


async def test_a_closed_deployment_lets_nobody_in_by_a_provider(run: Run, corp: RunningProvider):
    client = await run(auth_registration="closed")
    assert await reason_of(arrive(client, corp, "too late")) == "registration_closed"


async def test_an_invitation_is_wanted_and_used_up(run: Run, engine: AsyncEngine, corp: RunningProvider):
    client = await run(auth_registration="invite")
    made = await invite(client, await insert_admin(engine))
    token = (await arrive(client, corp, "invited")).registration_token
    assert await reason_of(register_by(client, token, "invited")) == "invitation"
    user_id = await register_by(client, token, "invited", invitation=made.token)
    [used] = await list_recorded(engine, "invitation.used", user_id)
    assert used.details["invitation_id"] == made.invitation.id
    token = (await arrive(client, corp, "not invited")).registration_token
    assert await reason_of(register_by(client, token, "not-invited", invitation=made.token)) == "invitation"


async def test_terms_and_age_are_accepted_as_by_everybody(
    run: Run, engine: AsyncEngine, corp: RunningProvider
):
    client = await run(auth_terms_version="2026-1", auth_minimum_age=16)
    token = (await arrive(client, corp, "of age")).registration_token
    assert await code_of(register_by(client, token, "of-age")) is ErrorCode.INVALID_INPUT
    refused = register_by(client, token, "of-age", accepts_terms="2026-1")
    assert await code_of(refused) is ErrorCode.INVALID_INPUT
    assert await register_by(client, token, "of-age", accepts_terms="2026-1", is_old_enough=True)


VOUCHED_FOR: dict[str, Any] = {"email": "one@corp.example", "email_verified": True}


@pytest.fixture
async def of_domain(run: Run, mail_settings: dict[str, Any]) -> Client:
    """A service for people with an address at corp.example."""
    return await run(
        auth_registration="domain",
        auth_registration_domains="corp.example",
        auth_smtp_url=mail_settings["auth_smtp_url"],
    )


async def test_a_domain_lets_in_whose_address_the_provider_vouches_for(
    of_domain: Client, corp: RunningProvider
):
    await corp.put_user("vouched for", **VOUCHED_FOR)
    signed_in, _ = await register_there(of_domain, corp, "vouched for")
    assert signed_in.user.username == "one"


@pytest.mark.parametrize(
    "other",
    [{"email_verified": False}, {"email": "three@other.example"}, {"email": None}],
    ids=["not verified", "of another domain", "without an address"],
)
async def test_a_domain_lets_nobody_else_in(of_domain: Client, corp: RunningProvider, other: dict[str, Any]):
    claims = VOUCHED_FOR | {"email": "two@corp.example"} | other
    subject = f"not vouched for {claims['email']} {claims['email_verified']}"
    await corp.put_user(subject, **claims)
    assert await reason_of(arrive(of_domain, corp, subject)) == "registration_closed"
