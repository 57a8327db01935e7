"""Services that send mail in another way, or that die while they do: each test runs its own."""

import asyncio
import email
import email.policy
import signal
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local import ports
from shared.bus import Bus
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.mailbox import (
    DEADLINE_S,
    POLL_S,
    PUBLIC_URL,
    Mailbox,
    eventually,
    read_text,
    read_token,
)
from tests.integration.auth.outbox import make_due, read_waiting, wait_rows
from tests.integration.auth.service import run_auth
from tests.integration.auth.test_process import start


async def test_the_sender_that_dies_between_sending_and_noting_it_leaves_it_to_be_sent_again(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, mailbox: Mailbox, engine: AsyncEngine
):
    """A real process, killed when the server has the content and has not said so yet."""
    mailbox.flows.clear()
    env = {"CHATCRAFT_AUTH_SMTP_URL": mailbox.url, "CHATCRAFT_AUTH_PUBLIC_URL": PUBLIC_URL}
    process = await start(database_url, nats_url("auth"), ports.pick_free(), **env)
    try:
        client = Client(bus)
        async with asyncio.timeout(DEADLINE_S):
            while await code_of(client.register(email="twice@mail.example")) is not None:
                await asyncio.sleep(POLL_S)
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
    [file] = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert mail["To"] == "folder@mail.example"
    assert mail["From"] == "ChatCraft <no-reply@chat.example.org>"
    assert "verify-email#" in read_text(mail)


async def test_without_a_server_and_a_folder_no_mail_is_kept(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, engine: AsyncEngine
):
    async with run_auth(database_url, nats_url("auth")):
        await Client(bus).register(email="off@mail.example")
        assert not await read_waiting(engine)
