"""Nobody's mailbox is flooded through us, and no link or password is guessed: the limits as they come."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts import emails, passwords
from shared.contracts.errors import ErrorCode
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.mailbox import Mailbox
from tests.integration.auth.outbox import wait_rows


@pytest.fixture(scope="module")
def rate_factor() -> float:
    """The limits as they come."""
    return 1.0


@pytest.fixture(autouse=True)
async def fresh_limits(mailing: Client, engine: AsyncEngine, still_limits: None) -> None:
    """Every test begins with empty buckets."""
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM auth.limits"))


async def request_reset(client: Client, email: str) -> ErrorCode | None:
    return await code_of(client.ask(passwords.request_reset, passwords.RequestReset(email)))


async def test_a_mailbox_gets_three_links_of_a_kind_and_who_asks_is_not_told(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    address = "flooded@mail.example"
    await mailing.register(email=address)
    verification = await mailbox.wait_token(address)
    await mailing.ask(emails.verify_email, emails.VerifyEmail(verification))
    codes = [await request_reset(mailing.at(f"203.0.113.{number}"), address) for number in range(6)]
    assert codes == [None] * 6
    await wait_rows(engine, lambda rows: not rows)
    assert len(mailbox.find(address, "Choose a new password")) == 3


async def test_registering_again_and_again_with_one_address_floods_nobody(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    address = "bystander@mail.example"
    for _ in range(5):
        assert await code_of(mailing.register(email=address)) is None
    await wait_rows(engine, lambda rows: not rows)
    assert len(mailbox.find(address)) == 3


async def test_one_address_asks_for_so_many_links_whoever_they_are_for(mailing: Client, mailbox: Mailbox):
    await mailing.register(email="somebody@mail.example")
    asked = ["somebody@mail.example"] + [f"nobody{number}@mail.example" for number in range(24)]
    attacker = mailing.at("203.0.113.77")
    codes = await asyncio.gather(*(request_reset(attacker, each) for each in asked))
    assert codes.count(None) == 20
    assert codes.count(ErrorCode.RATE_LIMITED) == 5
    assert await request_reset(mailing.at("203.0.113.78"), "nobody@mail.example") is None


async def test_a_user_asks_for_five_changes_of_address(mailing: Client):
    _, claims = await mailing.register_claims()
    codes = [
        await code_of(
            mailing.ask(emails.change_email, emails.ChangeEmail(f"new{number}@mail.example"), claims)
        )
        for number in range(6)
    ]
    assert codes == [None] * 5 + [ErrorCode.RATE_LIMITED]


async def test_guesses_at_the_current_password_are_slowed(mailing: Client):
    _, claims = await mailing.register_claims()
    asked = passwords.ChangePassword("not it at all", "quite another pass phrase")
    codes = await asyncio.gather(
        *(code_of(mailing.ask(passwords.change_password, asked, claims)) for _ in range(15))
    )
    assert codes.count(ErrorCode.INVALID_INPUT) == 10
    assert codes.count(ErrorCode.RATE_LIMITED) == 5
