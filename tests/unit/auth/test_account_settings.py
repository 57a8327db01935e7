"""Settings of mail and registration: what is refused at start, and that no secret is shown with it."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.auth.mail.settings import split_smtp_url
from services.auth.settings import AuthSettings

REQUIRED: dict[str, Any] = {
    "database_url": "postgresql://x",
    "nats_url": "nats://x",
    "health_port": 1,
    "secret_key": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldCE",
}
PUBLIC = {"auth_public_url": "https://chat.example.org/"}


def read(**given: Any) -> AuthSettings:
    return AuthSettings(**(REQUIRED | given))


def test_as_it_comes_anybody_registers_and_no_mail_is_sent():
    settings = read()
    assert (settings.auth_registration, settings.sends_mail) == ("open", False)


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("smtp://mail.example", 25),
        ("smtp+starttls://user:p%40ss@mail.example", 587),
        ("smtps://mail.example", 465),
        ("smtp://[::1]:2525", 2525),
    ],
)
def test_a_server_has_the_usual_port_unless_it_names_one(url: str, port: int):
    assert split_smtp_url(url)[1] == port
    assert read(auth_smtp_url=url, **PUBLIC).sends_mail


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"auth_smtp_url": "http://user:hunter2@mail.example"} | PUBLIC, "auth_smtp_url"),
        ({"auth_smtp_url": "smtp://"} | PUBLIC, "auth_smtp_url"),
        ({"auth_smtp_url": "smtp://user:hunter2@mail.example:x"} | PUBLIC, "auth_smtp_url"),
        ({"auth_smtp_url": "smtp://mail.example"}, "auth_public_url"),
        ({"auth_mail_dir": "/tmp/mails"}, "auth_public_url"),
        ({"auth_public_url": "chat.example.org"}, "auth_public_url"),
        ({"auth_public_url": "https://chat.example.org/?a=b"}, "auth_public_url"),
        ({"auth_public_url": "javascript:alert(1)"}, "auth_public_url"),
        ({"auth_mail_from": "nobody"}, "auth_mail_from"),
        ({"auth_mail_from": "a@b.example\nBcc: eve@mail.example"}, "auth_mail_from"),
        ({"auth_registration": "sometimes"}, "auth_registration"),
        ({"auth_registration": "domain"}, "auth_registration_domains"),
        ({"auth_registration": "domain", "auth_registration_domains": " , "}, "auth_registration_domains"),
        ({"auth_minimum_age": -1}, "auth_minimum_age"),
        ({"auth_terms_url": "javascript:alert(1)"}, "auth_terms_url"),
        ({"auth_terms_version": "x" * 65}, "auth_terms_version"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, Any], name: str):
    with pytest.raises(ValidationError) as refused:
        read(**given)
    assert [error["loc"][0] for error in refused.value.errors()] == [name]
    assert "hunter2" not in refused.value.errors()[0]["msg"]


def test_links_and_the_sender_follow_the_public_address():
    settings = read(auth_smtp_url="smtp://mail.example", **PUBLIC)
    assert settings.auth_public_url == "https://chat.example.org"
    assert settings.sender == "ChatCraft <no-reply@chat.example.org>"
    local = read(auth_mail_dir="/tmp/mails", auth_public_url="http://127.0.0.1:8080")
    assert local.sender == "ChatCraft <no-reply@localhost>"
    assert read(auth_mail_from="x@y.example").sender == "x@y.example"


def test_an_empty_server_is_none():
    assert not read(auth_smtp_url="").sends_mail
