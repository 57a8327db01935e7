"""A mail, and what it is on the wire: plain text with a simple HTML part beside it. Pure.

Values come from people: into the text as they are, into the HTML escaped, into a header only as the
standard library's header types allow it.
"""

import html
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Literal

from msgspec import Struct

# One label of a host name after its encoding for DNS; the last one is no number (RFC 3696, section 2).
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_DOMAIN_MAX = 253
_LOCAL_MAX = 64
_LOCAL = re.compile(r"[^\s\x00-\x1f\x7f<>()\[\]:;@\\,\"]+")
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


Purpose = Literal["verify", "reset"]


class Request(Struct, frozen=True, tag="request"):
    """That somebody asked for a link to an address. Who has it, if anybody, is looked up when it is due."""

    purpose: Purpose
    email: str


class Mail(Struct, frozen=True, tag="mail"):
    """What is written to somebody. Sealed as a whole while it waits."""

    kind: str
    to: str
    subject: str
    paragraphs: list[str]
    link: str | None = None
    """Stands between the first paragraph and the others."""


def split_address(email: str) -> tuple[str, str] | None:
    """Return the local part and the domain as DNS knows it; None if no server could take mail for it."""
    local, _, domain = email.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    if len(local) > _LOCAL_MAX or not _LOCAL.fullmatch(local) or not _is_host(ascii_domain):
        return None
    return local, ascii_domain


def _is_host(domain: str) -> bool:
    labels = domain.split(".")
    return len(domain) <= _DOMAIN_MAX and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def show(name: str) -> str:
    """Return a name as it may stand in a line of text: without what breaks the line or turns it around."""
    return _NOT_SHOWN.sub("", name)


def compose(mail: Mail, sender: str, mail_id: str, at: datetime) -> EmailMessage:
    """Return the message. Its id is the mail's: sent twice, it is the same. Raises ValueError."""
    parts = split_address(mail.to)
    if parts is None:
        raise ValueError("no server takes mail for this address")
    name, from_address = parseaddr(sender)
    local, _, domain = from_address.rpartition("@")
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(name, local, domain)
    message["To"] = Address("", *parts)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{mail_id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation answers to us
    message.set_content(_to_text(mail), cte="quoted-printable")
    message.add_alternative(_to_html(mail), subtype="html", cte="quoted-printable")
    return message


def _to_text(mail: Mail) -> str:
    first, *others = mail.paragraphs
    return "\n\n".join([first, *([mail.link] if mail.link else []), *others]) + "\n"


def _to_html(mail: Mail) -> str:
    first, *others = (f"<p>{html.escape(each)}</p>" for each in mail.paragraphs)
    link = f'<p><a href="{html.escape(mail.link)}">{html.escape(mail.link)}</a></p>' if mail.link else ""
    body = "\n".join(filter(None, [first, link, *others]))
    return f'<!doctype html>\n<html lang="en">\n<body>\n{body}\n</body>\n</html>\n'
