"""Signing in at a provider that behaves: `oidc-provider-mock`, a process of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import upkeep
from services.auth.operating import Operator
from shared.bus import Bus
from shared.contracts import admin, auth, factors, identities, passwords, proving, registration
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.identities import OidcReply
from tests.authenticator import Authenticator
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import PASSWORD, Client, code_of
from tests.integration.auth.factors import Owner, add_passkey, list_deeds, login_by_passkey, read_clock
from tests.integration.auth.oidc import arrive, begin, give_email, read_role, register_there
from tests.integration.auth.service import run_auth
from tests.oidc_providers import CALLBACK, CLIENT_ID, RunningProvider, describe, run_mock

UNAUTHENTICATED = ErrorCode.UNAUTHENTICATED


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[RunningProvider]:
    async with run_mock() as running:
        yield running


@pytest.fixture(scope="module")
async def client(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, provider: RunningProvider
) -> AsyncIterator[Client]:
    """An auth service whose users sign in there, too; its groups decide who is an administrator."""
    settings = describe({"id": "corp", "issuer": provider.url, "admin_groups": ["chat-admins"]})
    async with run_auth(database_url, nats_url("auth"), **settings):
        yield Client(bus)


async def test_the_policy_names_the_providers(client: Client):
    policy = await client.ask(registration.get_policy, Empty())
    assert policy.providers == [registration.Provider("corp", "Corp")]


async def test_the_browser_is_sent_away_with_all_that_protects_the_way_back(client: Client):
    begun, other = await begin(client), await begin(client)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.authorization_url).query).items()}
    assert asked["redirect_uri"] == CALLBACK
    assert asked["client_id"] == CLIENT_ID
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert set(asked["scope"].split()) == {"openid", "email", "profile"}
    assert asked["state"] == begun.state
    assert len({begun.state, begun.binding, asked["nonce"], asked["code_challenge"]}) == 4
    assert begun.binding not in begun.authorization_url
    assert (begun.state, begun.binding) != (other.state, other.binding)


async def test_an_unknown_provider_is_not_found(client: Client):
    assert await code_of(begin(client, "nobody")) is ErrorCode.NOT_FOUND


async def test_who_is_new_registers_without_a_password_and_signs_in_from_then_on(
    client: Client, engine: AsyncEngine, provider: RunningProvider
):
    await provider.put_user(
        "sub-1", email="Grace@corp.example", email_verified=True, name="Grace H.", preferred_username="Grace"
    )
    reply = await arrive(client, provider, "sub-1")
    assert reply.suggested == identities.Suggestion("grace", "Grace H.", "Grace@corp.example")
    assert (reply.user, reply.tokens, reply.link_token) == (None, None, None)

    signed_in, claims = await register_there(client, provider, "sub-1")
    assert (signed_in.user.username, signed_in.user.display_name) == ("grace", "Grace H.")
    [shown] = (await client.ask(identities.list_identities, Empty(), claims)).identities
    assert (shown.provider_id, shown.provider_name, shown.email) == ("corp", "Corp", "Grace@corp.example")
    assert shown.last_used_at is None
    assert not (await client.ask(factors.list_factors, Empty(), claims)).has_password
    async with engine.connect() as connection:
        found = text("SELECT email, email_verified FROM auth.users WHERE id = :id")
        assert (await connection.execute(found, {"id": claims.user_id})).one() == ("Grace@corp.example", True)

    again = await arrive(client, provider, "sub-1")
    assert again.user is not None
    assert again.user.id == claims.user_id
    assert again.tokens is not None
    assert (await client.verify(again.tokens)).user_id == claims.user_id
    [shown] = (await client.ask(identities.list_identities, Empty(), claims)).identities
    assert shown.last_used_at is not None
    begun = [each.details["method"] for each in await list_recorded(engine, "login.begun", claims.user_id)]
    assert begun == ["oidc", "oidc"]


async def test_another_person_there_is_another_person_here(client: Client, provider: RunningProvider):
    _, one = await register_there(client, provider, "sub-one")
    _, two = await register_there(client, provider, "sub-two")
    assert one.user_id != two.user_id


async def test_an_account_without_a_password_answers_every_command_about_one(
    client: Client, provider: RunningProvider
):
    await provider.put_user("no-password", email="np@corp.example", email_verified=True)
    signed_in, claims = await register_there(client, provider, "no-password")
    login = client.ask(auth.login, auth.PasswordLogin(signed_in.user.username, PASSWORD))
    assert await code_of(login) is UNAUTHENTICATED
    change = client.ask(passwords.change_password, passwords.ChangePassword(PASSWORD, "another one"), claims)
    assert await code_of(change) is ErrorCode.INVALID_INPUT
    proof = client.ask(proving.step_up, proving.StepUp(password=PASSWORD), claims)
    assert await code_of(proof) is ErrorCode.MFA_FAILED
    reset = client.ask(passwords.request_reset, passwords.RequestReset("np@corp.example"))
    assert await code_of(reset) is None


async def test_what_is_known_of_a_journey_is_hashed(client: Client, engine: AsyncEngine):
    begun = await begin(client)
    async with engine.connect() as connection:
        rows = (
            (await connection.execute(text("SELECT oidc_flows::text FROM auth.oidc_flows"))).scalars().all()
        )
    assert rows
    for secret in (begun.state, begun.binding):
        assert not [row for row in rows if secret in row or secret.encode().hex() in row]


async def test_of_50_returns_with_one_state_one_signs_in(client: Client, provider: RunningProvider):
    await register_there(client, provider, "racer")
    asked = await provider.sign_in(await begin(client), "racer")
    codes = await asyncio.gather(*(code_of(client.ask(identities.finish_oidc, asked)) for _ in range(50)))
    assert codes.count(None) == 1
    assert set(codes) == {None, UNAUTHENTICATED}


async def test_a_state_that_was_used_or_made_up_is_refused(client: Client, provider: RunningProvider):
    asked = await provider.sign_in(await begin(client), "replayed")
    assert await code_of(client.ask(identities.finish_oidc, asked)) is None
    assert await code_of(client.ask(identities.finish_oidc, asked)) is UNAUTHENTICATED
    made_up = identities.FinishOidc("made up", asked.binding, asked.code)
    assert await code_of(client.ask(identities.finish_oidc, made_up)) is UNAUTHENTICATED


async def test_the_state_of_another_browser_is_refused_and_used_up(client: Client, provider: RunningProvider):
    asked, other = await provider.sign_in(await begin(client), "victim"), await begin(client)
    stolen = identities.FinishOidc(asked.state, other.binding, asked.code)
    assert await code_of(client.ask(identities.finish_oidc, stolen)) is UNAUTHENTICATED
    assert await code_of(client.ask(identities.finish_oidc, asked)) is UNAUTHENTICATED


async def test_a_code_of_another_journey_is_refused(client: Client, provider: RunningProvider):
    """Login CSRF and code injection: neither nonce nor verifier fits."""
    attackers = await provider.sign_in(await begin(client), "attacker")
    victims = await provider.sign_in(await begin(client), "victim")
    injected = identities.FinishOidc(victims.state, victims.binding, attackers.code)
    assert await code_of(client.ask(identities.finish_oidc, injected)) is UNAUTHENTICATED


async def test_after_ten_minutes_it_is_too_late_and_nothing_is_left(
    client: Client, engine: AsyncEngine, provider: RunningProvider
):
    asked = await provider.sign_in(await begin(client), "late")
    registering = await arrive(client, provider, "late")
    assert registering.registration_token is not None
    async with engine.begin() as connection:
        for table in ("oidc_flows", "identity_tickets"):
            life = text(f"SELECT max(expires_at - clock_timestamp()) FROM auth.{table}")
            assert timedelta(minutes=9) < await connection.scalar(life) <= timedelta(minutes=10)
            await connection.execute(text(f"UPDATE auth.{table} SET expires_at = now() - interval '1 s'"))
    assert await code_of(client.ask(identities.finish_oidc, asked)) is UNAUTHENTICATED
    late = identities.RegisterOidc(registering.registration_token, "late")
    assert await code_of(client.ask(identities.register_oidc, late)) is UNAUTHENTICATED
    await upkeep.sweep(engine)
    async with engine.connect() as connection:
        for table in ("oidc_flows", "identity_tickets"):
            assert await connection.scalar(text(f"SELECT count(*) FROM auth.{table}")) == 0


async def test_a_second_factor_is_still_due(client: Client, engine: AsyncEngine, provider: RunningProvider):
    _, claims = await register_there(client, provider, "careful")
    begun = await client.ask(factors.begin_totp, Empty(), claims)
    owner = Owner("", claims, begun.secret, [])
    confirm = factors.ConfirmTotp(owner.code(await read_clock(engine)))
    await client.ask(factors.confirm_totp, confirm, claims)
    reply = await arrive(client, provider, "careful")
    assert reply.tokens is None
    assert reply.mfa_token is not None
    assert reply.methods == ["totp", "recovery_code"]
    code = owner.code(await read_clock(engine), 1)
    signed_in = await client.ask(proving.login_totp, proving.TotpLogin(reply.mfa_token, code))
    assert signed_in.user.id == claims.user_id


async def test_who_is_deactivated_stays_out(client: Client, engine: AsyncEngine, provider: RunningProvider):
    _, claims = await register_there(client, provider, "gone")
    async with engine.begin() as connection:
        gone = text("UPDATE auth.users SET deactivated_at = now() WHERE id = :id")
        await connection.execute(gone, {"id": claims.user_id})
    assert await code_of(arrive(client, provider, "gone")) is UNAUTHENTICATED


async def test_groups_decide_the_role_at_each_sign_in_and_the_last_administrator_stays(
    client: Client, engine: AsyncEngine, provider: RunningProvider
):
    await provider.put_user("boss", groups=["staff", "chat-admins"])
    _, boss = await register_there(client, provider, "boss")
    assert boss.role == "admin"
    await provider.put_user("boss", groups=["staff"])
    assert (await arrive(client, provider, "boss")).user is not None
    assert await read_role(engine, boss.user_id) == "admin"

    await provider.put_user("second", groups="chat-admins")
    _, second = await register_there(client, provider, "second")
    assert second.role == "admin"
    reply = await arrive(client, provider, "boss")
    assert reply.user is not None
    assert reply.user.role == "member"
    # Tokens with the old role are void: the ending is that of any demotion.
    rows = (await client.revocations()).rows
    assert ("role", boss.user_id) in [(row.kind, row.id) for row in rows]
    listed = client.ask(admin.list_users, admin.ListUsers(), boss)
    assert await code_of(listed) is ErrorCode.FORBIDDEN
    changed = await list_recorded(engine, "user.role_changed", boss.user_id)
    assert [each.details["role"] for each in changed] == ["admin", "member"]
    assert {each.details["provider_id"] for each in changed} == {"corp"}

    await provider.put_user("boss", groups=["chat-admins"])
    reply = await arrive(client, provider, "boss")
    assert reply.user is not None
    assert reply.user.role == "admin"


async def test_an_address_leads_to_a_link_that_its_owner_confirms(
    client: Client, engine: AsyncEngine, provider: RunningProvider
):
    _, claims = await client.register_claims()
    await give_email(engine, claims.user_id, "linus@corp.example")
    await provider.put_user("linus", email="LINUS@corp.example", email_verified=True)
    reply = await arrive(client, provider, "linus")
    assert reply == OidcReply(link_token=reply.link_token, link_hint="LINUS@corp.example")
    assert reply.link_token is not None

    _, stranger = await client.register_claims()
    link = identities.LinkIdentity(reply.link_token)
    assert await code_of(client.ask(identities.link_identity, link, stranger)) is ErrorCode.NOT_FOUND
    identity = await client.ask(identities.link_identity, link, claims)
    assert (identity.provider_id, identity.provider_name) == ("corp", "Corp")
    assert await code_of(client.ask(identities.link_identity, link, claims)) is ErrorCode.NOT_FOUND
    signed_in = await arrive(client, provider, "linus")
    assert signed_in.user is not None
    assert signed_in.user.id == claims.user_id
    assert "identity.linked" in await list_deeds(engine, claims.user_id)


@pytest.mark.parametrize("is_verified", [False, None, "true", 1])
async def test_an_address_that_the_provider_does_not_vouch_for_links_nothing(
    client: Client, engine: AsyncEngine, provider: RunningProvider, is_verified: object
):
    _, claims = await client.register_claims()
    address = f"mallory-{is_verified}@corp.example".lower()
    await give_email(engine, claims.user_id, address)
    await provider.put_user(f"mallory-{is_verified}", email=address, email_verified=is_verified)
    reply = await arrive(client, provider, f"mallory-{is_verified}")
    assert (reply.link_token, reply.link_hint) == (None, None)
    assert reply.suggested is not None
    assert reply.suggested.email is None


async def test_an_address_that_was_not_verified_here_links_nothing(
    client: Client, engine: AsyncEngine, provider: RunningProvider
):
    """Somebody has registered with another's address, and waits for them to come."""
    _, squatter = await client.register_claims(email="owner@corp.example")
    await provider.put_user("owner", email="owner@corp.example", email_verified=True)
    _, owner = await register_there(client, provider, "owner")
    assert owner.user_id != squatter.user_id


async def test_a_passkey_makes_the_identity_not_the_last_way_in(
    client: Client, engine: AsyncEngine, provider: RunningProvider
):
    _, claims = await register_there(client, provider, "keys")
    [identity] = (await client.ask(identities.list_identities, Empty(), claims)).identities
    remove = identities.RemoveIdentity(identity.id)
    assert await code_of(client.ask(identities.remove_identity, remove, claims)) is ErrorCode.CONFLICT
    authenticator = Authenticator()
    passkey = await add_passkey(client, claims, authenticator)
    assert await code_of(client.ask(identities.remove_identity, remove, claims)) is None
    assert await code_of(client.ask(identities.remove_identity, remove, claims)) is ErrorCode.NOT_FOUND
    last = client.ask(factors.remove_passkey, factors.RemovePasskey(passkey.id), claims)
    assert await code_of(last) is ErrorCode.CONFLICT
    assert (await login_by_passkey(client, authenticator)).user.id == claims.user_id
    assert (await arrive(client, provider, "keys")).registration_token is not None


async def test_an_identity_makes_a_passkey_not_the_last_way_in(client: Client, provider: RunningProvider):
    _, claims = await register_there(client, provider, "more keys")
    passkey = await add_passkey(client, claims, Authenticator())
    removed = client.ask(factors.remove_passkey, factors.RemovePasskey(passkey.id), claims)
    assert await code_of(removed) is None


async def test_resetting_somebodys_factors_takes_their_accounts_elsewhere_away(
    client: Client, engine: AsyncEngine, provider: RunningProvider
):
    """Whoever has added one to another's account is out with it; the owner links their own again."""
    signed_in, _ = await register_there(client, provider, "reset me")
    assert await Operator(engine, lambda _line: None).reset_factors(signed_in.user.username)
    assert (await arrive(client, provider, "reset me")).registration_token is not None
    assert await code_of(client.refresh(signed_in.tokens.refresh_token)) is UNAUTHENTICATED
