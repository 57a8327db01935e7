"""Which origins and relying parties the service takes, and what it says of others."""

import pytest
from pydantic import ValidationError

from services.auth.settings import AuthSettings

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldCE"


def make(**given: str) -> AuthSettings:
    return AuthSettings(
        database_url="postgresql://x", nats_url="nats://x", health_port=1, secret_key=SECRET, **given
    )


def test_without_a_word_it_is_localhost():
    settings = make()
    assert (settings.origins, settings.auth_rp_id) == (["http://localhost:8080"], "localhost")


def test_the_domain_is_that_of_the_first_origin_or_one_above_all():
    two = "https://chat.example.org, https://chat.example.org:8443"
    assert make(auth_origins=two).auth_rp_id == "chat.example.org"
    assert make(auth_origins=two).origins == ["https://chat.example.org", "https://chat.example.org:8443"]
    assert make(auth_origins=two, auth_rp_id="example.org").auth_rp_id == "example.org"


@pytest.mark.parametrize(
    "origins",
    [
        "", " , ", "chat.example.org", "https://chat.example.org/", "https://chat.example.org/chat", "https://",
        "https://CHAT.example.org", "https://user@chat.example.org", "http://chat.example.org",
        "http://127.0.0.1:8080", "ftp://localhost", "null", "*",
    ],
)  # fmt: skip
def test_what_no_browser_sends_or_no_passkey_works_on_is_refused(origins: str):
    with pytest.raises(ValidationError) as refused:
        make(auth_origins=origins)
    assert refused.value.errors()[0]["loc"] == ("auth_origins",)


@pytest.mark.parametrize("rp_id", ["evil.example", "ample.org", "www.chat.example.org", "localhost"])
def test_a_domain_that_is_not_above_every_origin_is_refused(rp_id: str):
    with pytest.raises(ValidationError) as refused:
        make(auth_origins="https://chat.example.org", auth_rp_id=rp_id)
    assert refused.value.errors()[0]["loc"] == ("auth_rp_id",)
