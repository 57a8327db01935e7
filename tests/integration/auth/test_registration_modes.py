"""Who may register: everybody, who is invited, whose address is of a domain, nobody."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import upkeep
from services.auth.store import endings
from shared.bus import Bus
from shared.contracts import emails, invitations, registration
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.registration import Policy
from shared.errors import ChatError
from shared.ids import new_id
from shared.lifecycle import StartupError
from shared.tokens import Claims
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.mailbox import Mailbox
from tests.integration.auth.service import run_auth

Run = Callable[..., Awaitable[Client]]


@pytest.fixture
async def run(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, mail_settings: dict[str, Any]
) -> AsyncIterator[Run]:
    """`await run(auth_registration="closed")`: a service that sends mail, with these settings."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Client:
            await stack.enter_async_context(
                run_auth(database_url, nats_url("auth"), **mail_settings, **settings)
            )
            return Client(bus)

        yield start


async def read_policy(client: Client) -> Policy:
    return await client.ask(registration.get_policy, Empty())


async def insert_admin(engine: AsyncEngine) -> Claims:
    """Make an administrator where nobody can register."""
    user_id, login_id = new_id(), new_id()
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO auth.users"
                " (id, username, display_name, display_key, role, bio, email_verified, created_at)"
                " VALUES (:id, :name, 'Admin', 'admin', 'admin', '', false, now())"
            ),
            {"id": user_id, "name": f"admin-{user_id[-12:]}"},
        )
        await connection.execute(
            text(
                "INSERT INTO auth.logins (id, user_id, created_at, last_used_at, expires_at)"
                " VALUES (:id, :user_id, now(), now(), now() + interval '1 day')"
            ),
            {"id": login_id, "user_id": user_id},
        )
    return Claims(user_id, login_id, "admin", "admin", "Admin", 0.0, 0)


async def invite(client: Client, admin: Claims, **fields: Any) -> invitations.NewInvitation:
    return await client.ask(invitations.create, invitations.CreateInvitation(**fields), admin)


async def reason_of(work: Awaitable[Any]) -> str:
    with pytest.raises(ChatError) as refused:
        await work
    assert refused.value.code is ErrorCode.FORBIDDEN
    return str(refused.value.body.details["reason"])


async def test_as_it_comes_anybody_registers(run: Run):
    client = await run()
    assert await read_policy(client) == Policy("open", [], 8, 128, None, None, None, sends_mail=True)
    assert await code_of(client.register()) is None


async def test_a_closed_one_lets_nobody_in(run: Run):
    client = await run(auth_registration="closed")
    assert (await read_policy(client)).registration == "closed"
    assert await reason_of(client.register()) == "registration_closed"


async def test_an_invitation_lets_in_as_often_as_it_says(run: Run, engine: AsyncEngine):
    client, admin = await run(auth_registration="invite"), await insert_admin(engine)
    made = await invite(client, admin, max_uses=2)
    assert await reason_of(client.register()) == "invitation"
    assert await reason_of(client.register(invitation="made up")) == "invitation"
    codes = [await code_of(client.register(invitation=made.token)) for _ in range(3)]
    assert codes == [None, None, ErrorCode.FORBIDDEN]
    async with engine.connect() as connection:
        used = text("SELECT count(*) FROM auth.audit_log WHERE details ->> 'invitation_id' = :id")
        assert await connection.scalar(used, {"id": made.invitation.id}) == 3  # made once, used twice


async def test_of_50_who_use_one_invitation_at_once_one_gets_in(run: Run, engine: AsyncEngine):
    client, admin = await run(auth_registration="invite"), await insert_admin(engine)
    token = (await invite(client, admin)).token
    codes = await asyncio.gather(*(code_of(client.register(invitation=token)) for _ in range(50)))
    assert codes.count(None) == 1
    assert set(codes) == {None, ErrorCode.FORBIDDEN}


async def test_a_name_that_is_taken_uses_no_invitation_up_and_is_told_to_the_invited_only(
    run: Run, engine: AsyncEngine
):
    client, admin = await run(auth_registration="invite"), await insert_admin(engine)
    first, second = (await invite(client, admin)).token, (await invite(client, admin)).token
    name = (await client.register(invitation=first)).user.username
    assert await reason_of(client.register(username=name)) == "invitation"
    taken = client.register(username=name, invitation=second)
    assert await code_of(taken) is ErrorCode.CONFLICT
    assert await code_of(client.register(invitation=second)) is None


async def test_an_invitation_that_is_revoked_or_has_expired_lets_nobody_in(run: Run, engine: AsyncEngine):
    client, admin = await run(auth_registration="invite"), await insert_admin(engine)
    revoked, expired = await invite(client, admin), await invite(client, admin)
    listed = (await client.ask(invitations.list_invitations, Empty(), admin)).invitations
    assert [each.id for each in listed[:2]] == [expired.invitation.id, revoked.invitation.id]
    await client.ask(invitations.revoke, invitations.RevokeInvitation(revoked.invitation.id), admin)
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.invitations SET expires_at = now() WHERE id = :id"),
            {"id": expired.invitation.id},
        )
    for each in (revoked, expired):
        assert await reason_of(client.register(invitation=each.token)) == "invitation"
        again = client.ask(invitations.revoke, invitations.RevokeInvitation(each.invitation.id), admin)
        assert await code_of(again) is ErrorCode.NOT_FOUND
    listed = (await client.ask(invitations.list_invitations, Empty(), admin)).invitations
    assert not {revoked.invitation.id, expired.invitation.id} & {each.id for each in listed}
    await upkeep.sweep(engine)
    async with engine.connect() as connection:
        left = text("SELECT count(*) FROM auth.invitations WHERE id = :id")
        assert await connection.scalar(left, {"id": expired.invitation.id}) == 0


async def test_only_the_hash_of_an_invitation_is_stored(run: Run, engine: AsyncEngine):
    client, admin = await run(auth_registration="invite"), await insert_admin(engine)
    token = (await invite(client, admin)).token
    async with engine.connect() as connection:
        stored = (await connection.scalars(text("SELECT hash FROM auth.invitations"))).all()
    assert token.encode() not in stored
    assert all(len(each) == 32 for each in stored)


async def test_only_an_administrator_makes_lists_and_ends_invitations(run: Run, engine: AsyncEngine):
    client = await run()
    _, member = await client.register_claims()
    admin = await insert_admin(engine)
    made = await invite(client, admin)
    async with engine.begin() as connection:
        # Their token still says `admin`.
        await endings.change_role(connection, admin.user_id, "member")
    for claims in (member, admin):
        for command, asked in (
            (invitations.create, invitations.CreateInvitation()),
            (invitations.list_invitations, Empty()),
            (invitations.revoke, invitations.RevokeInvitation(made.invitation.id)),
        ):
            assert await code_of(client.ask(command, asked, claims)) is ErrorCode.FORBIDDEN


async def test_an_address_of_the_domain_gets_in_once_it_is_verified(run: Run, mailbox: Mailbox):
    client = await run(auth_registration="domain", auth_registration_domains="Corp.example, b.example")
    policy = await read_policy(client)
    assert (policy.registration, policy.domains) == ("domain", ["corp.example", "b.example"])
    address = "ada@CORP.example"
    assert await reason_of(client.register(username="ada.corp", email=address)) == "verify_email"
    assert await reason_of(client.login("ada.corp")) == "verify_email"
    assert await code_of(client.login("ada.corp", "a wrong password")) is ErrorCode.UNAUTHENTICATED
    token = await mailbox.wait_token(address)
    await client.ask(emails.verify_email, emails.VerifyEmail(token))
    assert (await client.login("ada.corp")).user.username == "ada.corp"


@pytest.mark.parametrize(
    "address",
    [
        None,
        "ada@other.example",
        "ada@corp.example.evil.example",
        "ada@evilcorp.example",
        "a@sub.corp.example",
    ],
)
async def test_an_address_of_another_domain_does_not(run: Run, address: str | None):
    client = await run(auth_registration="domain", auth_registration_domains="corp.example")
    with pytest.raises(ChatError) as refused:
        await client.register(email=address)
    assert refused.value.code is ErrorCode.INVALID_INPUT
    assert refused.value.body.details["fields"][0]["path"] == "email"


async def test_nobody_leaves_the_domain_by_a_change_of_address(run: Run, mailbox: Mailbox):
    client = await run(auth_registration="domain", auth_registration_domains="corp.example")
    await code_of(client.register(username="eve.corp", email="eve@corp.example"))
    token = await mailbox.wait_token("eve@corp.example")
    await client.ask(emails.verify_email, emails.VerifyEmail(token))
    claims = await client.verify((await client.login("eve.corp")).tokens)
    changed = client.ask(emails.change_email, emails.ChangeEmail("eve@other.example"), claims)
    assert await code_of(changed) is ErrorCode.INVALID_INPUT


async def test_accounts_from_before_the_domain_still_sign_in(
    run: Run, database_url: str, nats_url: Callable[[str], str], bus: Bus
):
    async with run_auth(database_url, nats_url("auth")):
        name = (await Client(bus).register()).user.username
    client = await run(auth_registration="domain", auth_registration_domains="corp.example")
    assert await code_of(client.login(name)) is None


async def test_a_domain_without_mail_does_not_start(database_url: str, nats_url: Callable[[str], str]):
    settings = {"auth_registration": "domain", "auth_registration_domains": "corp.example"}
    with pytest.raises(StartupError, match="CHATCRAFT_AUTH_SMTP_URL"):
        async with run_auth(database_url, nats_url("auth"), **settings):
            pass
