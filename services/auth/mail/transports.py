"""The ways out: an SMTP server, or a folder that collects mails as files."""

import asyncio
import os
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

import aiosmtplib

from services.auth.mail.settings import MailSettings, split_smtp_url

_SMTP_TIMEOUT_S = 20.0
_PERMANENT = 500


class NotSentError(Exception):
    """The mail was not taken. `is_final`: it never will be, so do not try again."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class Transport(Protocol):
    """Where mails go."""

    async def send(self, message: EmailMessage) -> None:
        """Return once somebody else is responsible for it. Raises NotSentError."""


class SmtpTransport:
    """A connection a mail: at this volume it costs nothing, and a stale one is never met."""

    def __init__(self, url: str) -> None:
        parts, self._port = split_smtp_url(url)
        self._host = parts.hostname or ""
        self._username = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._is_tls = parts.scheme == "smtps"
        self._is_starttls = parts.scheme == "smtp+starttls"

    async def send(self, message: EmailMessage) -> None:
        sender = message["From"].addresses[0]
        try:
            await aiosmtplib.send(
                message,
                sender=sender.addr_spec,
                # Named: what a header of the message says never decides who gets it.
                recipients=[message["To"].addresses[0].addr_spec],
                hostname=self._host,
                local_hostname=sender.domain,  # else DNS is asked who we are, for each mail
                port=self._port,
                username=self._username,
                password=self._password,
                use_tls=self._is_tls,
                start_tls=self._is_starttls,
                timeout=_SMTP_TIMEOUT_S,
            )
        except aiosmtplib.SMTPRecipientsRefused as exc:
            codes = [each.code for each in exc.recipients]
            raise NotSentError(f"recipient refused {codes}", is_final=min(codes) >= _PERMANENT) from None
        except aiosmtplib.SMTPDataError as exc:
            raise NotSentError(f"content refused {exc.code}", is_final=exc.code >= _PERMANENT) from None
        except aiosmtplib.SMTPResponseException as exc:
            raise NotSentError(f"{type(exc).__name__} {exc.code}") from None
        except (aiosmtplib.SMTPException, OSError) as exc:
            # Never its text: servers repeat addresses in there.
            raise NotSentError(type(exc).__name__) from None


class FolderTransport:
    """Writes each mail as an .eml that only its owner can read; a repeated one takes its own place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message: EmailMessage) -> None:
        try:
            await asyncio.to_thread(self._write, message)
        except OSError as exc:
            raise NotSentError(f"the folder does not take it: {exc.strerror}") from None

    def _write(self, message: EmailMessage) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = message["Message-ID"].strip("<>").partition("@")[0]
        fresh = self._folder / f"{name}.new"
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(message.as_bytes())
        fresh.rename(fresh.with_suffix(".eml"))


def choose_transport(settings: MailSettings) -> Transport | None:
    """Return what the settings ask for; None: no mail is sent."""
    if settings.auth_smtp_url is not None:
        return SmtpTransport(settings.auth_smtp_url.get_secret_value())
    if settings.auth_mail_dir is not None:
        return FolderTransport(settings.auth_mail_dir)
    return None
