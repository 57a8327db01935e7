"""Mails as they are on the wire: what people choose becomes neither header nor markup."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.mail.message import Mail, Request, compose, show, split_address
from services.auth.mail.sealing import MailSealer
from services.auth.mail.texts import Texts

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
FROM = "ChatCraft <chat@example.org>"
ID = "01a22682-59e9-73cd-a4f2-0da1f8f7d973"
TEXTS = Texts("https://chat.example.org")
ADA = "ada@mail.example"
EVERY_TEXT = [
    TEXTS.verify(ADA, "ada", "t0ken"),
    TEXTS.change(ADA, "ada", "t0ken"),
    TEXTS.change_asked(ADA, "ada"),
    TEXTS.reset(ADA, "ada", "t0ken"),
    TEXTS.password_changed(ADA, "ada"),
    TEXTS.password_set(ADA, "ada"),
    TEXTS.erasure_ordered(ADA, "ada"),
    TEXTS.new_device(ADA, "ada", AT, "192.0.2.1", "Firefox on Linux"),
]


def deliver(mail: Mail, sender: str = FROM) -> EmailMessage:
    """Return a mail as its reader gets it."""
    return email.message_from_bytes(compose(mail, sender, ID, AT).as_bytes(), policy=email.policy.default)


def read(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@pytest.mark.parametrize("mail", EVERY_TEXT, ids=[each.kind for each in EVERY_TEXT])
def test_every_text_says_the_same_in_both_parts_and_names_the_account(mail: Mail):
    delivered = deliver(mail)
    assert (delivered["To"], delivered["From"]) == (ADA, FROM)
    assert delivered["Message-ID"] == f"<{ID}@example.org>"
    assert delivered["Auto-Submitted"] == "auto-generated"
    text, html = read(delivered, "plain"), read(delivered, "html")
    assert "ada" in text
    assert all(each in text and escape(each) in html for each in mail.paragraphs)
    assert (f'<a href="{mail.link}">' in html) == (mail.link is not None)
    assert mail.link is None or mail.link in text
    assert len(text) < 700


@given(st.text(max_size=80))
def test_a_name_never_becomes_markup_a_header_or_another_line(name: str):
    mail = TEXTS.verify(ADA, name, "t0ken")
    delivered = deliver(mail)
    html = read(delivered, "html")
    assert set(delivered.keys()) == set(deliver(EVERY_TEXT[0]).keys())
    assert delivered["To"] == ADA
    assert html.count("<") == read(deliver(EVERY_TEXT[0]), "html").count("<")
    assert len(read(delivered, "plain").splitlines()) == len(
        read(deliver(EVERY_TEXT[0]), "plain").splitlines()
    )


@pytest.mark.parametrize(
    "subject", ["x\r\nBcc: eve@mail.example", "x\nBcc: eve@mail.example", "x\rBcc: e@x.y"]
)
def test_a_subject_with_a_line_break_is_no_mail(subject: str):
    with pytest.raises(ValueError):  # noqa: PT011 - the standard library's own words
        compose(Mail("kind", ADA, subject, ["text"]), FROM, ID, AT)


@pytest.mark.parametrize(
    "address",
    [
        "ada", "@mail.example", "ada@", "a,b@mail.example", "a@mail.example,eve", "a;b@mail.example",
        "a@[192.0.2.1]", "a@192.0.2.1", "a@-mail.example", "a@mail..example", "a@mail.example.",
        "(x)a@mail.example", '"a"@mail.example', "a\r\nBcc: eve@mail.example", "a@mail.example\r\nBcc: eve",
        "a b@mail.example", f"{'a' * 65}@mail.example", f"a@{'b' * 64}.example", "<a@mail.example>",
        "a:b@mail.example", "a\\@mail.example",
    ],
)  # fmt: skip
def test_what_is_no_address_is_never_written_to(address: str):
    assert split_address(address) is None
    with pytest.raises(ValueError, match="no server"):
        compose(Mail("kind", address, "subject", ["text"]), FROM, ID, AT)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("ada.l+chat@mail.example", ("ada.l+chat", "mail.example")),
        ("o'hara@localhost", ("o'hara", "localhost")),
        ("ada@bücher.example", ("ada", "xn--bcher-kva.example")),
        ("jörg@mail.example", ("jörg", "mail.example")),
    ],
)
def test_usual_addresses_are(address: str, parts: tuple[str, str]):
    assert split_address(address) == parts
    to = deliver(Mail("kind", address, "subject", ["text"]))["To"]
    assert to.addresses[0].domain == parts[1]


def test_a_shown_name_turns_nothing_around():
    assert show("ada\u202eevil\n\u200bx") == "adaevilx"


def test_a_sealed_mail_opens_under_its_own_id_and_secret_only():
    sealer = MailSealer(b"s" * 32)
    for content in (EVERY_TEXT[0], Request("reset", ADA)):
        sealed = sealer.seal(ID, content)
        assert sealer.open(ID, sealed) == content
        assert sealer.open("another", sealed) is None
        assert sealer.open(ID, sealed[:-1]) is None
        assert sealer.open(ID, b"") is None
        assert MailSealer(b"t" * 32).open(ID, sealed) is None
        assert b"t0ken" not in sealed
