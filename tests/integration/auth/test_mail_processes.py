"""Services that send mail in another way, or that die while they do: each test runs its own."""

import asyncio
import email
import email.policy
import signal
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local import ports
from shared.bus import Bus
from shared.contracts import emails, passwords
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.mailbox import (
    DEADLINE_S,
    PUBLIC_URL,
    Mailbox,
    read_text,
    read_token,
)
from tests.integration.auth.outbox import make_due, read_waiting, wait_rows
from tests.integration.auth.service import run_auth
from tests.integration.auth.test_process import start
from tests.wire import eventually


async def test_the_sender_that_dies_between_sending_and_noting_it_leaves_it_to_be_sent_again(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, mailbox: Mailbox, engine: AsyncEngine
):
    """A real process, killed when the server has the content and has not said so yet."""
    mailbox.flows.clear()
    env = {"CHATCRAFT_AUTH_SMTP_URL": mailbox.url, "CHATCRAFT_AUTH_PUBLIC_URL": PUBLIC_URL}
    process = await start(database_url, nats_url("auth"), ports.pick_free(), **env)
    try:
        client = Client(bus)

        async def has_registered() -> bool:
            return await code_of(client.register(email="twice@mail.example")) is None

        await eventually(has_registered, DEADLINE_S)
        await mailbox.wait("twice@mail.example")
    finally:
        process.send_signal(signal.SIGKILL)
        await asyncio.wait_for(process.communicate(), DEADLINE_S)
    mailbox.flows.set()
    [row] = await read_waiting(engine)
    assert 0 < row[1] <= 120  # still claimed by who is no more

    settings = {"auth_smtp_url": mailbox.url, "auth_public_url": PUBLIC_URL}
    async with run_auth(database_url, nats_url("auth"), **settings):
        await make_due(engine)
        await mailbox.wait("twice@mail.example", count=2)
        await wait_rows(engine, lambda rows: not rows)
    first, second = mailbox.find("twice@mail.example")
    assert first["Message-ID"] == second["Message-ID"]
    assert read_token(first) == read_token(second)


async def test_with_a_folder_each_mail_is_a_file_of_its_owner(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, engine: AsyncEngine, tmp_path: Path
):
    folder = tmp_path / "mails"
    settings = {"auth_mail_dir": folder, "auth_public_url": PUBLIC_URL}
    async with run_auth(database_url, nats_url("auth"), **settings):
        await Client(bus).register(email="folder@mail.example")
        await eventually(lambda: list(folder.glob("*.eml")))
        await wait_rows(engine, lambda rows: not rows)  # or it would come again, in a later test
    [file] = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert mail["To"] == "folder@mail.example"
    assert mail["From"] == "ChatCraft <no-reply@chat.example.org>"
    assert "verify-email#" in read_text(mail)


async def test_nothing_goes_in_the_clear_to_a_server_that_is_to_encrypt(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, mailbox: Mailbox, engine: AsyncEngine
):
    """The server offers no TLS, as one in between would make it seem."""
    url = mailbox.url.replace("smtp://", "smtp+starttls://")
    async with run_auth(database_url, nats_url("auth"), auth_smtp_url=url, auth_public_url=PUBLIC_URL):
        await Client(bus).register(email="clear@mail.example")
        await wait_rows(engine, lambda rows: bool(rows) and 0 < rows[0][1] <= 15)
    assert not mailbox.find("clear@mail.example")
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM auth.mails"))


async def test_without_a_server_and_a_folder_no_mail_is_kept(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, engine: AsyncEngine
):
    async with run_auth(database_url, nats_url("auth")):
        await Client(bus).register(email="off@mail.example")
        assert not await read_waiting(engine)


async def test_neither_token_nor_address_nor_password_is_in_the_log(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, mailbox: Mailbox, engine: AsyncEngine
):
    env = {"CHATCRAFT_AUTH_SMTP_URL": mailbox.url, "CHATCRAFT_AUTH_PUBLIC_URL": PUBLIC_URL}
    mailbox.answer_to_recipient = "451 not yet, unlogged@mail.example"
    process = await start(database_url, nats_url("auth"), ports.pick_free(), **env)
    client, address, password = Client(bus), "unlogged@mail.example", "a pass phrase nobody logs"
    try:

        async def has_registered() -> bool:
            return await code_of(client.register(email=address)) is None

        await eventually(has_registered, DEADLINE_S)
        await wait_rows(engine, lambda rows: bool(rows) and 0 < rows[0][1] <= 15)
        mailbox.answer_to_recipient = "250 ok"
        await make_due(engine)
        token = await mailbox.wait_token(address)
        await client.ask(emails.verify_email, emails.VerifyEmail(token))
        await client.ask(passwords.request_reset, passwords.RequestReset(address))
        reset_token = await mailbox.wait_token(address, "Choose a new password")
        await client.ask(passwords.reset_password, passwords.ResetPassword(reset_token, password))
        await mailbox.wait(address, "was changed")
        await wait_rows(engine, lambda rows: not rows)
    finally:
        mailbox.answer_to_recipient = "250 ok"
        process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    said = output.decode()
    assert "mail_postponed" in said
    assert "mail_sent" in said
    assert not [each for each in (token, reset_token, address, password) if each in said]
