"""Refresh-token chains, derived keys, and the deployment's secret."""

import base64
import hashlib
import hmac

import pytest
from pydantic import ValidationError

from services.auth.sealing import derive_key
from services.auth.settings import AuthSettings
from services.auth.tokens import RefreshTokens

SECRET = bytes(range(32))


def make_settings(secret_key: str) -> AuthSettings:
    return AuthSettings(
        database_url="postgresql://x", nats_url="nats://x", health_port=1, secret_key=secret_key
    )


def test_a_successor_is_the_keyed_hash_of_its_parent():
    tokens = RefreshTokens(SECRET)
    parent = tokens.create()
    key = derive_key(SECRET, "refresh tokens")
    digest = hmac.new(key, parent.encode(), hashlib.sha256).digest()
    successor = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert tokens.derive(parent) == {tokens.hash(successor): successor}
    assert RefreshTokens(SECRET).derive(parent) == tokens.derive(parent)
    assert RefreshTokens(SECRET[::-1]).derive(parent) != tokens.derive(parent)


def test_the_successors_of_previous_secrets_are_known_behind_that_of_the_present_one():
    old, new = RefreshTokens(SECRET), RefreshTokens(SECRET[::-1])
    parent = old.create()
    both = RefreshTokens(SECRET[::-1], [SECRET]).derive(parent)
    assert list(both.items()) == [*new.derive(parent).items(), *old.derive(parent).items()]


def test_every_token_of_a_chain_is_new_and_of_one_shape():
    tokens = RefreshTokens(SECRET)
    chain = [tokens.create()]
    for _ in range(20):
        chain += tokens.derive(chain[-1]).values()
    assert len({*chain, tokens.create()}) == 22
    assert {len(token) for token in chain} == {43}


def test_each_purpose_has_a_key_of_its_own():
    keys = {derive_key(SECRET, "refresh tokens"), derive_key(SECRET, "signing keys"), SECRET}
    assert len(keys) == 3


@pytest.mark.parametrize("encode", [base64.urlsafe_b64encode, base64.b64encode])
def test_the_secret_is_read_from_base64_of_either_alphabet_padded_or_not(encode):
    secret = bytes([0xFB, 0xEF, 0xFF] * 11)
    text = encode(secret).decode()
    assert make_settings(text).secret == secret
    assert make_settings(encode(secret[:32]).decode().rstrip("=")).secret == secret[:32]


@pytest.mark.parametrize(
    "text", ["", "short", base64.urlsafe_b64encode(b"x" * 31).decode(), "not base64!" * 9]
)
def test_a_short_or_broken_secret_is_refused_without_being_shown(text: str):
    with pytest.raises(ValidationError) as refused:
        make_settings(text)
    assert "openssl rand" in refused.value.errors()[0]["msg"]


def test_the_secret_does_not_show_in_a_representation():
    text = base64.urlsafe_b64encode(SECRET).decode()
    assert text not in repr(make_settings(text))
