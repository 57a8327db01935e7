"""Settings of e-mail: by SMTP, into a folder, or not at all."""

from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from services.auth.mail.message import split_address
from shared.settings import ServiceSettings

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class MailSettings(ServiceSettings):
    """Mail is off unless there is a server or a folder for it."""

    auth_smtp_url: SecretStr | None = None
    """`smtp+starttls://user:password@host:587`; `smtps://` is TLS from the start, `smtp://` none at all."""
    auth_mail_dir: Path | None = None
    """Where each mail is written as a file if there is no server."""
    auth_mail_from: str = ""
    auth_public_url: str = Field(default="", validate_default=True)
    """Where people reach this deployment; never taken from a request: anybody can choose its Host."""

    @field_validator("auth_smtp_url")
    @classmethod
    def _check_smtp_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        split_smtp_url(value.get_secret_value())
        return value

    @field_validator("auth_mail_from")
    @classmethod
    def _check_mail_from(cls, value: str) -> str:
        if value and (split_address(parseaddr(value)[1]) is None or not value.isprintable()):
            raise ValueError("must be an address, as in: ChatCraft <chat@example.org>")
        return value

    @field_validator("auth_public_url")
    @classmethod
    def _check_public_url(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            if info.data.get("auth_smtp_url") or info.data.get("auth_mail_dir"):
                raise ValueError("is needed for the links in mails, as in: https://chat.example.org")
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an address, as in: https://chat.example.org")
        return value.rstrip("/")

    @property
    def sends_mail(self) -> bool:
        return self.auth_smtp_url is not None or self.auth_mail_dir is not None

    @property
    def sender(self) -> str:
        """The From of every mail."""
        host = urlsplit(self.auth_public_url).hostname or ""
        own = f"no-reply@{host}"
        # Not of a host that is a number, as on one's own machine: that is no domain to write from.
        return self.auth_mail_from or f"ChatCraft <{own if split_address(own) else 'no-reply@localhost'}>"


def split_smtp_url(url: str) -> tuple[SplitResult, int]:
    """Return the parts and the port. Raises ValueError without repeating the URL, which holds a password."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise ValueError("must be of the kind smtp+starttls://user:password@host:587") from None
    if not parts.hostname:
        raise ValueError("names no host")
    return parts, port
