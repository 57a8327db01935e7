"""Addresses: verified by a link, unique once they are, changed by a link to the new one."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts import emails, users
from shared.contracts.entities import Empty, Me
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.tokens import Claims
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.mailbox import Mailbox, read_html, read_text


async def verify(client: Client, token: str) -> None:
    await client.ask(emails.verify_email, emails.VerifyEmail(token))


async def read_me(client: Client, claims: Claims) -> Me:
    return await client.ask(users.me, Empty(), claims)


async def register_verified(client: Client, mailbox: Mailbox, email: str) -> Claims:
    _, claims = await client.register_claims(email=email)
    await verify(client, await mailbox.wait_token(email))
    return claims


async def age(engine: AsyncEngine, claims: Claims, minutes: int = 11) -> None:
    """Let a login have begun so long ago."""
    async with engine.begin() as connection:
        await connection.execute(
            text(f"UPDATE auth.logins SET created_at = now() - interval '{minutes} min' WHERE id = :id"),
            {"id": claims.login_id},
        )


async def test_the_link_of_a_registration_verifies_its_address(mailing: Client, mailbox: Mailbox):
    _, claims = await mailing.register_claims(email="ada@mail.example", username="ada.one")
    mail = await mailbox.wait("ada@mail.example")
    assert "ada.one" in read_text(mail)
    assert "ada.one" in read_html(mail)
    assert not (await read_me(mailing, claims)).email_verified
    await verify(mailing, await mailbox.wait_token("ada@mail.example"))
    assert (await read_me(mailing, claims)).email_verified
    assert (await mailing.login("ADA@mail.example")).user.id == claims.user_id


async def test_a_registration_without_an_address_sends_nothing(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    _, claims = await mailing.register_claims()
    async with engine.connect() as connection:
        waiting = text("SELECT count(*) FROM auth.mails WHERE user_id = :id")
        assert await connection.scalar(waiting, {"id": claims.user_id}) == 0


async def test_a_link_that_was_used_or_is_too_old_or_never_was_is_refused_alike(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    await register_verified(mailing, mailbox, "used@mail.example")
    used = await mailbox.wait_token("used@mail.example")
    await mailing.register(email="old@mail.example")
    old = await mailbox.wait_token("old@mail.example")
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE auth.email_links SET expires_at = now()"))
    answers = set()
    for token in (used, old, "never-was"):
        with pytest.raises(ChatError) as refused:
            await verify(mailing, token)
        answers.add(refused.value.encode())
    assert len(answers) == 1
    assert refused.value.code is ErrorCode.FORBIDDEN
    assert refused.value.body.details == {"reason": "link"}


async def test_of_two_accounts_with_one_address_the_first_to_verify_it_gets_it(
    mailing: Client, mailbox: Mailbox
):
    address = "shared@mail.example"
    _, first = await mailing.register_claims(email=address)
    first_token = await mailbox.wait_token(address)
    _, second = await mailing.register_claims(email="SHARED@mail.example")
    second_token = await mailbox.wait_token("SHARED@mail.example")
    codes = await asyncio.gather(
        *(code_of(verify(mailing, each)) for each in (first_token, second_token)),
    )
    assert sorted(map(str, codes)) == ["None", "conflict"]
    verified = [(await read_me(mailing, each)).email_verified for each in (first, second)]
    assert verified == [code is None for code in codes]


async def test_one_link_used_by_50_at_once_verifies_once(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    _, claims = await mailing.register_claims(email="rush@mail.example")
    token = await mailbox.wait_token("rush@mail.example")
    codes = await asyncio.gather(*(code_of(verify(mailing, token)) for _ in range(50)))
    assert codes.count(None) == 1
    assert set(codes) == {None, ErrorCode.FORBIDDEN}
    async with engine.connect() as connection:
        deeds = text(
            "SELECT count(*) FROM auth.audit_log WHERE action = 'email.verified' AND subject_id = :id"
        )
        assert await connection.scalar(deeds, {"id": claims.user_id}) == 1


async def test_a_link_is_mailed_again_for_the_asking(mailing: Client, mailbox: Mailbox):
    _, claims = await mailing.register_claims(email="Again@mail.example")
    await mailbox.wait("Again@mail.example")
    await mailing.ask(emails.resend_verification, emails.ResendVerification("again@mail.example"))
    await verify(mailing, await mailbox.wait_token("Again@mail.example", count=2))
    assert (await read_me(mailing, claims)).email_verified


async def test_an_address_is_changed_by_the_link_to_the_new_one_and_the_old_one_is_told(
    mailing: Client, mailbox: Mailbox
):
    claims = await register_verified(mailing, mailbox, "before@mail.example")
    await mailing.ask(emails.change_email, emails.ChangeEmail("after@mail.example"), claims)
    notice = await mailbox.wait("before@mail.example", "about to change")
    assert "after@mail.example" not in read_text(notice)
    assert "/settings/devices" in read_text(notice)
    assert (await read_me(mailing, claims)).email == "before@mail.example"
    await verify(mailing, await mailbox.wait_token("after@mail.example"))
    me = await read_me(mailing, claims)
    assert (me.email, me.email_verified) == ("after@mail.example", True)
    assert await code_of(mailing.login("before@mail.example")) is ErrorCode.UNAUTHENTICATED


async def test_a_first_address_is_given_later(mailing: Client, mailbox: Mailbox):
    _, claims = await mailing.register_claims()
    await mailing.ask(emails.change_email, emails.ChangeEmail("first@mail.example"), claims)
    await verify(mailing, await mailbox.wait_token("first@mail.example"))
    assert (await read_me(mailing, claims)).email == "first@mail.example"


async def test_an_earlier_link_does_not_undo_a_change(mailing: Client, mailbox: Mailbox):
    _, claims = await mailing.register_claims(email="typo@mail.example")
    typo = await mailbox.wait_token("typo@mail.example")
    await mailing.ask(emails.change_email, emails.ChangeEmail("right@mail.example"), claims)
    right = await mailbox.wait_token("right@mail.example")
    assert await code_of(verify(mailing, typo)) is ErrorCode.FORBIDDEN
    await verify(mailing, right)
    assert (await read_me(mailing, claims)).email == "right@mail.example"


async def test_an_address_is_changed_only_by_who_has_lately_proved_who_they_are(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    _, claims = await mailing.register_claims()
    await age(engine, claims)
    with pytest.raises(ChatError) as refused:
        await mailing.ask(emails.change_email, emails.ChangeEmail("stolen@mail.example"), claims)
    assert refused.value.code is ErrorCode.FORBIDDEN
    assert refused.value.body.details == {"reason": "step_up", "methods": ["password"]}
    assert not mailbox.find("stolen@mail.example")


@pytest.mark.parametrize("address", ["a,b@mail.example", "a@mail.example,c", "a@-mail", "(a)@mail.example"])
async def test_an_address_that_no_server_would_take_is_refused(mailing: Client, address: str):
    _, claims = await mailing.register_claims()
    changed = mailing.ask(emails.change_email, emails.ChangeEmail(address), claims)
    assert await code_of(changed) is ErrorCode.INVALID_INPUT


async def test_registering_with_such_an_address_works_and_sends_nothing(mailing: Client, engine: AsyncEngine):
    _, claims = await mailing.register_claims(email="a,b@mail.example")
    async with engine.connect() as connection:
        waiting = text("SELECT count(*) FROM auth.mails WHERE user_id = :id")
        assert await connection.scalar(waiting, {"id": claims.user_id}) == 0
