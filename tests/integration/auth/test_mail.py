"""How mail is sent: after the commit, beside the answer, at least once, by whichever replica; or given up."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import upkeep
from shared.contracts.errors import ErrorCode
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.mailbox import PUBLIC_URL, Mailbox
from tests.integration.auth.outbox import make_due, read_waiting, wait_rows
from tests.integration.auth.service import run_auth


@pytest.fixture(autouse=True)
async def well_behaved(mailbox: Mailbox, engine: AsyncEngine) -> AsyncIterator[None]:
    """Every test ends with a server that takes mail, and none waiting."""
    yield
    mailbox.answer_to_recipient = mailbox.answer_to_content = "250 ok"
    mailbox.flows.set()
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM auth.mails"))


async def test_a_server_that_is_slow_delays_no_answer(mailing: Client, mailbox: Mailbox, engine: AsyncEngine):
    mailbox.flows.clear()
    await mailing.register(email="slow@mail.example")
    await mailbox.wait("slow@mail.example")
    # It has the content and says nothing; meanwhile people register and sign in.
    name = (await mailing.register(email="slow.too@mail.example")).user.username
    assert await code_of(mailing.login(name)) is None
    assert await read_waiting(engine)
    mailbox.flows.set()
    await wait_rows(engine, lambda rows: not rows)


async def test_what_is_refused_for_now_is_tried_again_later(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    mailbox.answer_to_recipient = "451 try again later"
    await mailing.register(email="later@mail.example")
    [row] = await wait_rows(engine, lambda rows: bool(rows) and 0 < rows[0][1] <= 15)
    assert row[0] == 1
    await make_due(engine)
    [row] = await wait_rows(engine, lambda rows: bool(rows) and rows[0][0] == 2 and rows[0][1] <= 30)
    assert row[1] > 15
    mailbox.answer_to_recipient = "250 ok"
    await make_due(engine)
    await mailbox.wait("later@mail.example")
    await wait_rows(engine, lambda rows: not rows)


@pytest.mark.parametrize(("recipient", "content"), [("550 nobody here", "250 ok"), ("250 ok", "554 no")])
async def test_what_is_refused_for_good_is_given_up_at_once(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine, recipient: str, content: str
):
    mailbox.answer_to_recipient, mailbox.answer_to_content = recipient, content
    await mailing.register(email="nobody@mail.example")
    await wait_rows(engine, lambda rows: not rows)
    assert not mailbox.find("nobody@mail.example")


async def test_after_a_day_it_is_given_up(mailing: Client, mailbox: Mailbox, engine: AsyncEngine):
    mailbox.answer_to_recipient = "451 try again later"
    await mailing.register(email="in.vain@mail.example")
    await wait_rows(engine, lambda rows: bool(rows) and 0 < rows[0][1] <= 15)
    await make_due(engine, hours_old=24)
    await wait_rows(engine, lambda rows: not rows)


async def test_a_registration_that_fails_sends_nothing(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    await mailing.register(username="taken.by.mail")
    codes = [
        await code_of(mailing.register(username="taken.by.mail", email="failed@mail.example"))
        for _ in range(3)
    ]
    assert set(codes) == {ErrorCode.CONFLICT}
    assert not await read_waiting(engine)


async def test_two_replicas_send_each_mail_once(
    database_url: str, nats_url: Callable[[str], str], mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    settings = {"auth_smtp_url": mailbox.url, "auth_public_url": PUBLIC_URL}
    before = len(mailbox.mails)
    async with run_auth(database_url, nats_url("auth"), **settings):
        await asyncio.gather(*(mailing.register(email=f"many{n}@mail.example") for n in range(24)))
        await wait_rows(engine, lambda rows: not rows)
    assert sorted(mailbox.recipients[before:]) == sorted(f"many{n}@mail.example" for n in range(24))


async def test_what_waits_is_sealed(mailing: Client, mailbox: Mailbox, engine: AsyncEngine):
    mailbox.answer_to_recipient = "451 try again later"
    await mailing.register(email="sealed@mail.example")
    await wait_rows(engine, lambda rows: bool(rows) and 0 < rows[0][1] <= 15)  # it has put it off
    async with engine.connect() as connection:
        [sealed] = (await connection.scalars(text("SELECT sealed FROM auth.mails"))).all()
    mailbox.answer_to_recipient = "250 ok"
    await make_due(engine)
    token = await mailbox.wait_token("sealed@mail.example")
    assert token.encode() not in sealed
    assert b"sealed@mail.example" not in sealed


async def test_what_was_sealed_under_another_secret_is_given_up(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    mailbox.answer_to_recipient = "451 try again later"
    await mailing.register(email="other.secret@mail.example")
    await wait_rows(engine, lambda rows: bool(rows) and 0 < rows[0][1] <= 15)
    async with engine.begin() as connection:
        await connection.execute(text(r"UPDATE auth.mails SET sealed = sealed || '\x00', due_at = now()"))
    await wait_rows(engine, lambda rows: not rows)
    assert not mailbox.find("other.secret@mail.example")


async def test_what_nobody_sends_any_more_is_swept(mailing: Client, mailbox: Mailbox, engine: AsyncEngine):
    mailbox.answer_to_recipient = "451 try again later"
    await mailing.register(email="swept@mail.example")
    await wait_rows(engine, lambda rows: bool(rows) and 0 < rows[0][1] <= 15)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE auth.mails SET created_at = now() - interval '49 h'"))
    await upkeep.sweep(engine)
    assert not await read_waiting(engine)
