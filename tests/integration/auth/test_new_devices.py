"""A login from where none had begun before: its owner is told, at a verified address, once."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts import auth, emails
from shared.tokens import Claims
from tests.integration.auth.client import AGENT, PASSWORD, Client
from tests.integration.auth.mailbox import Mailbox, read_text

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
NEWER_FIREFOX = FIREFOX.replace("145.0", "146.0")
SUBJECT = "A new login"


async def register_verified(client: Client, mailbox: Mailbox, email: str) -> tuple[str, Claims]:
    registered, claims = await client.register_claims(email=email)
    token = await mailbox.wait_token(email)
    await client.ask(emails.verify_email, emails.VerifyEmail(token))
    return registered.user.username, claims


async def login(client: Client, name: str, agent: str = AGENT) -> None:
    await client.ask(auth.login, auth.PasswordLogin(name, PASSWORD), agent=agent)


async def count_deeds(engine: AsyncEngine, claims: Claims) -> int:
    counted = text(
        "SELECT count(*) FROM auth.audit_log WHERE action = 'login.begun' AND subject_id = :id"
        " AND details ->> 'new_device' = 'true'"
    )
    async with engine.connect() as connection:
        return int(await connection.scalar(counted, {"id": claims.user_id}))


@pytest.mark.parametrize(
    ("address", "agent", "shown"),
    [("198.51.100.77", AGENT, "198.51.100.77"), ("192.0.2.1", FIREFOX, "Firefox on Linux")],
)
async def test_another_address_or_another_program_is_told_of_once(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine, *, address: str, agent: str, shown: str
):
    email = f"device-{shown.replace(' ', '-')}@mail.example"
    name, claims = await register_verified(mailing, mailbox, email)
    for _ in range(2):
        await login(mailing.at(address), name, agent)
    notice = read_text(await mailbox.wait(email, SUBJECT))
    assert shown in notice
    assert "Was this not you?" in notice
    assert "/settings/devices" in notice
    assert await count_deeds(engine, claims) == 1


async def test_a_newer_version_and_a_neighbour_in_the_same_network_are_no_news(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    name, claims = await register_verified(mailing, mailbox, "network@mail.example")
    await login(mailing.at("2001:db8:1:2::1"), name, FIREFOX)
    await login(mailing.at("2001:db8:1:2::abcd"), name, NEWER_FIREFOX)
    await login(mailing, name)
    assert await count_deeds(engine, claims) == 1


async def test_an_address_that_is_not_verified_is_not_written_to(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    registered, claims = await mailing.register_claims(email="unverified@mail.example")
    await login(mailing.at("198.51.100.78"), registered.user.username)
    await mailbox.wait("unverified@mail.example")
    async with engine.connect() as connection:
        waiting = text("SELECT count(*) FROM auth.mails WHERE kind = 'new_device' AND user_id = :id")
        assert await connection.scalar(waiting, {"id": claims.user_id}) == 0
    assert await count_deeds(engine, claims) == 1
    assert not mailbox.find("unverified@mail.example", SUBJECT)


async def test_registering_is_no_new_device(mailing: Client, engine: AsyncEngine):
    _, claims = await mailing.register_claims()
    assert await count_deeds(engine, claims) == 0
