"""The code of an invitation, and who may make one."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messages.domain.invitations import (
    SECRET_BYTES,
    InviteCode,
    check_may_invite,
    decode_code,
    encode_code,
    hash_secret,
    is_secret_of,
)
from shared.contracts.limits import INVITE_CODE_LENGTH
from shared.errors import ChatError

ids = st.uuids().map(str)
secrets = st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES)
URL_SAFE = set(string.ascii_letters + string.digits + "-_")


@given(st.builds(InviteCode, ids, ids, secrets))
def test_a_code_gives_back_what_it_was_made_of(code: InviteCode):
    text = encode_code(code)
    assert decode_code(text) == code
    assert len(text) == INVITE_CODE_LENGTH
    assert set(text) <= URL_SAFE


@given(st.text(max_size=80))
def test_what_is_no_code_is_none_and_no_crash(text: str):
    if len(text) != INVITE_CODE_LENGTH or not set(text) <= URL_SAFE:
        assert decode_code(text) is None


@given(secrets, secrets)
def test_only_the_secret_itself_fits_its_hash(secret: bytes, other: bytes):
    assert is_secret_of(secret, hash_secret(secret))
    assert is_secret_of(other, hash_secret(secret)) == (other == secret)


@pytest.mark.parametrize(
    ("kind", "setting", "role", "code"),
    [
        ("public", None, "member", None),
        ("private", None, "member", "forbidden"),
        ("private", None, "moderator", None),
        ("private", "everybody", "member", None),
        ("public", "moderators", "member", "forbidden"),
        ("public", "moderators", "owner", None),
        ("dm", None, "owner", "conflict"),
        ("group_dm", "everybody", "member", "conflict"),
    ],
)
def test_who_may_invite(kind, setting, role, code):
    if code is None:
        check_may_invite(kind, setting, role)
        return
    with pytest.raises(ChatError) as caught:
        check_may_invite(kind, setting, role)
    assert caught.value.code == code
