"""TOTP by the figures of RFC 6238, the steps that count, and what an app is shown."""

import base64
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from services.auth.totp import TotpSecrets, draw_qr
from shared.errors import ChatError

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
TOTP = TotpSecrets(bytes(32), "ChatCraft localhost")
SEALED = TOTP.seal(RFC_SECRET, "ada")


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# RFC 6238, appendix B, SHA-1: the last six of the eight digits.
@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
    ],
)
def test_codes_are_those_of_the_rfc(seconds: int, code: str):
    assert TOTP.find_step(SEALED, "ada", code, at(seconds)) == seconds // 30


@pytest.mark.parametrize(("steps", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_counts_one_step_to_either_side_and_is_told_apart(steps: int, counts: bool):
    now = at(1_234_567_890) - timedelta(seconds=30 * steps)
    found = TOTP.find_step(SEALED, "ada", "005924", now)
    assert found == (1_234_567_890 // 30 if counts else None)


def test_a_secret_is_opened_for_its_owner_and_with_its_key_only():
    with pytest.raises(ChatError):
        TOTP.find_step(SEALED, "bert", "005924", at(1_234_567_890))
    with pytest.raises(ChatError):
        TotpSecrets(b"x" * 32, "other").find_step(SEALED, "ada", "005924", at(1_234_567_890))


def test_secrets_have_160_bits_and_differ():
    made = {TOTP.create() for _ in range(20)}
    assert len(made) == 20
    assert {len(base64.b32decode(secret)) for secret in made} == {20}


def test_an_app_is_told_the_issuer_and_the_user():
    url = TOTP.describe(RFC_SECRET, "a.da-1")
    assert url == (
        f"otpauth://totp/ChatCraft%20localhost:a.da-1?secret={RFC_SECRET}&issuer=ChatCraft%20localhost"
    )


def test_the_picture_has_no_script_no_style_and_nothing_to_fetch():
    drawn = draw_qr("otpauth://totp/<script>")
    assert drawn.startswith("<svg")
    assert not {"script", "style", "href", "url("} & set(drawn.replace('"', " ").split())
    assert "<script" not in drawn


def test_a_secret_that_was_made_before_the_deployments_own_one_changed_still_gives_codes():
    old, new = TotpSecrets(b"o" * 32, "Chat"), TotpSecrets(b"n" * 32, "Chat", [b"o" * 32])
    secret = old.create()
    now = datetime.now(UTC)
    assert new.find_step(old.seal(secret, "ada"), "ada", pyotp.TOTP(secret).at(now), now) is not None
    with pytest.raises(ChatError):
        old.find_step(new.seal(secret, "ada"), "ada", "000000", now)
