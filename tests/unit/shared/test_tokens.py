"""Access tokens: what the auth service signs passes, whatever else is tried does not."""

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.ids import new_id
from shared.tokens import AUDIENCE, ISSUER, Claims, TokenVerifier, UnknownKey, public_jwk, sign

KEY = Ed25519PrivateKey.generate()
KEY_ID = "k1"
NOW = time.time()
A_DAY_S = 86_400  # forged when the tests are collected, used when they run: much later in a long run
CLAIMS = Claims(
    user_id=new_id(),
    login_id=new_id(),
    role="member",
    username="ada",
    display_name="Ada",
    issued_at=NOW,
    expires_at=int(NOW) + A_DAY_S,
)
PAYLOAD: dict[str, Any] = {
    "iss": ISSUER, "aud": AUDIENCE, "sub": CLAIMS.user_id, "sid": CLAIMS.login_id, "role": "member",
    "iat": NOW, "exp": CLAIMS.expires_at,
}  # fmt: skip
HEADERS = {"typ": "at+jwt", "kid": KEY_ID}


@pytest.fixture
def verifier() -> TokenVerifier:
    made = TokenVerifier()
    made.set_keys([public_jwk(KEY, KEY_ID)])
    return made


def forge(headers: dict[str, Any] | None = None, **payload: Any) -> str:
    """Return a token signed with the true key, but saying something else."""
    claims = {name: value for name, value in (PAYLOAD | payload).items() if value is not None}
    return jwt.encode(claims, KEY, algorithm="EdDSA", headers=HEADERS | (headers or {}))


def by_hand(header: dict[str, Any], signature: bytes = b"") -> str:
    """Return a token put together without a library, which would refuse to."""
    parts = (json.dumps(header).encode(), json.dumps(PAYLOAD).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def hs256_with_the_public_key() -> str:
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    unsigned = by_hand(HEADERS | {"alg": "HS256"}).rsplit(".", 1)[0]
    mac = hmac.digest(public, unsigned.encode(), "sha256")
    return f"{unsigned}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def altered() -> str:
    header, payload, signature = forge().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(claims | {"role": "admin"}).encode()).rstrip(b"=").decode()
    return f"{header}.{changed}.{signature}"


def with_a_foreign_key() -> str:
    return jwt.encode(PAYLOAD, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers=HEADERS)


def test_what_was_signed_is_what_is_read(verifier):
    assert verifier.verify(sign(CLAIMS, KEY, KEY_ID)) == CLAIMS


def test_a_published_key_names_no_algorithm_and_no_secret():
    assert set(public_jwk(KEY, KEY_ID)) == {"kty", "crv", "x", "kid", "use"}


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(by_hand(HEADERS | {"alg": "none"}), id="alg none"),
        pytest.param(by_hand(HEADERS | {"alg": "NoNe"}), id="alg none in another case"),
        pytest.param(hs256_with_the_public_key(), id="HS256 with the public key"),
        pytest.param(with_a_foreign_key(), id="signed with a foreign key"),
        pytest.param(altered(), id="altered"),
        pytest.param(forge(aud="elsewhere"), id="wrong audience"),
        pytest.param(forge(aud=None), id="no audience"),
        pytest.param(forge(iss="elsewhere"), id="wrong issuer"),
        pytest.param(forge({"typ": "JWT"}), id="wrong type"),
        pytest.param(forge({"typ": None}), id="no type"),
        pytest.param(forge(nbf=NOW + A_DAY_S), id="not yet valid"),
        pytest.param(forge(exp=None), id="without end"),
        pytest.param(forge(sid=None), id="without login"),
        pytest.param(forge(role=None), id="without role"),
        pytest.param(forge(sub=7), id="a subject that is no text"),
        pytest.param("", id="nothing"),
        pytest.param("a.b.c", id="three letters"),
        pytest.param("é" * 40, id="not ASCII"),
        pytest.param("A" * 100_000, id="long"),
        pytest.param(forge() + ".x", id="a fourth part"),
    ],
)
def test_nothing_else_is_let_in(verifier, token):
    with pytest.raises(ChatError) as refused:
        verifier.verify(token)
    assert refused.value.code is ErrorCode.UNAUTHENTICATED


def test_an_expired_token_is_told_apart_so_that_the_client_refreshes(verifier):
    with pytest.raises(ChatError) as refused:
        verifier.verify(forge(exp=int(NOW) - 60))
    assert refused.value.code is ErrorCode.TOKEN_EXPIRED


@pytest.mark.parametrize("kid", ["another", "", "../../etc/passwd", "' OR 1=1 --"])
def test_an_unknown_key_is_asked_for_and_never_guessed(verifier, kid):
    with pytest.raises(UnknownKey):
        verifier.verify(forge({"kid": kid}))


@pytest.mark.parametrize("header", ["jku", "x5u", "jwk", "x5c"])
def test_a_key_that_the_token_brings_along_counts_for_nothing(verifier, header):
    foreign = Ed25519PrivateKey.generate()
    brought: Any = public_jwk(foreign, KEY_ID) if header == "jwk" else "https://evil.example/keys"
    token = jwt.encode(PAYLOAD, foreign, algorithm="EdDSA", headers=HEADERS | {header: brought})
    with pytest.raises(ChatError):
        verifier.verify(token)


def test_a_key_that_is_no_longer_published_no_longer_counts(verifier):
    verifier.set_keys([public_jwk(Ed25519PrivateKey.generate(), "k2")])
    with pytest.raises(UnknownKey):
        verifier.verify(forge())


def test_a_clock_that_is_a_little_off_is_forgiven(verifier):
    assert verifier.verify(forge(exp=int(time.time()) - 2))


def test_a_node_whose_clock_runs_behind_takes_new_tokens(verifier):
    assert verifier.verify(forge(iat=time.time() + 90))
