"""An SMTP server that keeps what it is sent, or refuses it, or is slow; and what is read out of a mail."""

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.wire import WAIT_S, eventually

DEADLINE_S = WAIT_S
PUBLIC_URL = "https://chat.example.org"
_LINK = re.compile(rf"{PUBLIC_URL}/(verify-email|reset-password)#(\S+)")


class Mailbox:
    """What the server was given, and how it is to behave."""

    def __init__(self) -> None:
        self.url = ""
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answer_to_recipient = "250 ok"
        self.answer_to_content = "250 ok"
        self.flows = asyncio.Event()
        """Cleared: it takes the content and does not say so."""
        self.flows.set()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answer_to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer_to_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - likewise
        content = envelope.content
        assert isinstance(content, bytes)
        if self.answer_to_content.startswith("250"):
            self.mails.append(email.message_from_bytes(content, policy=email.policy.default))
            self.recipients += envelope.rcpt_tos
        await self.flows.wait()
        return self.answer_to_content

    def find(self, to: str, subject: str = "") -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == to and subject in mail["Subject"]]

    async def wait(self, to: str, subject: str = "", count: int = 1) -> EmailMessage:
        """Return the newest mail to an address, once there are so many."""
        await eventually(lambda: len(self.find(to, subject)) >= count, DEADLINE_S)
        return self.find(to, subject)[-1]

    async def wait_token(self, to: str, subject: str = "", count: int = 1) -> str:
        return read_token(await self.wait(to, subject, count))


@asynccontextmanager
async def run_mailbox() -> AsyncIterator[Mailbox]:
    """Run a server on a free port of loopback."""
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, loop=loop, hostname="mail.test", enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    mailbox.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield mailbox
    finally:
        mailbox.flows.set()
        server.close()


def read_text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def read_html(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def read_token(mail: EmailMessage) -> str:
    """Return the token of the one link that is in a mail, the same in both parts."""
    found = {match[2] for match in _LINK.finditer(read_text(mail))}
    assert len(found) == 1
    [token] = found
    assert f"#{token}" in read_html(mail)
    return token
