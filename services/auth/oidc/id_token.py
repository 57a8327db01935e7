"""Checks an ID token: OpenID Connect Core 1.0, section 3.1.3.7. No I/O."""

import hmac
import time
from datetime import datetime
from typing import Any

import jwt
from msgspec import Struct

# Signatures that only the provider can make. Neither `none` nor an HMAC under a key that everybody knows.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_LEEWAY_S = 60  # clocks differ
_ISSUED_WITHIN_S = 600  # it is made while we wait for it; a nonce is no older
_REQUIRED = ["iss", "sub", "aud", "exp", "iat"]

Jwk = dict[str, Any]


class NotBelieved(Exception):  # noqa: N818 - what it says, not that we failed
    """What a provider has answered does not hold; the words are for the log."""


class Expected(Struct, frozen=True):
    """What the token must say."""

    issuer: str
    client_id: str
    nonce: str
    authenticated_since: datetime | None = None
    """Not before then: not by a session that was there already. None: whenever."""


def read_header(token: str) -> tuple[str, str | None]:
    """Return algorithm and key id, neither of them believed yet. Raises NotBelieved."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as exc:
        raise NotBelieved(f"the ID token is none: {exc}") from exc
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise NotBelieved("the ID token is signed in a way that is not accepted")
    return algorithm, key_id if isinstance(key_id, str) else None


def choose_key(keys: list[Jwk], algorithm: str, key_id: str | None) -> Jwk | None:
    """Return the one key that the token can be of: by its id or, without one, the only one of its kind."""
    fitting = [key for key in keys if _fits(key, algorithm)]
    if key_id is not None:
        fitting = [key for key in fitting if key.get("kid") == key_id]
    return fitting[0] if len(fitting) == 1 else None


def verify(token: str, key: Jwk, algorithm: str, expected: Expected) -> dict[str, Any]:
    """Return the claims. Raises NotBelieved."""
    try:
        # The key alone, without what it says of algorithms: the one of `read_header` is the only one.
        public = jwt.PyJWK(key, algorithm).key
        claims: dict[str, Any] = jwt.decode(
            token,
            public,
            algorithms=[algorithm],
            audience=expected.client_id,
            issuer=expected.issuer,
            leeway=_LEEWAY_S,
            options={"require": _REQUIRED},
        )
    except jwt.PyJWTError as exc:
        raise NotBelieved(f"the ID token does not hold: {exc}") from exc
    _check_party(claims, expected.client_id)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise NotBelieved("the ID token is for another sign-in: its nonce")
    if time.time() - int(claims["iat"]) > _ISSUED_WITHIN_S + _LEEWAY_S:
        raise NotBelieved("the ID token is too old")
    if expected.authenticated_since is not None:
        _check_authentication(claims, expected.authenticated_since)
    return claims


def _check_authentication(claims: dict[str, Any], since: datetime) -> None:
    """Section 3.1.2.1: who is asked with `max_age` must answer when the user was authenticated."""
    authenticated_at = claims.get("auth_time")
    if isinstance(authenticated_at, bool) or not isinstance(authenticated_at, int | float):
        raise NotBelieved("the ID token does not say when its user was authenticated")
    # So that what is no number, which is neither less nor more, is not between them.
    if not since.timestamp() - _LEEWAY_S <= authenticated_at <= time.time() + _LEEWAY_S:
        raise NotBelieved("its user was not authenticated anew")


def _check_party(claims: dict[str, Any], client_id: str) -> None:
    """Of several audiences, `azp` says whom it was made for; if it says so, it must be us."""
    audience, party = claims["aud"], claims.get("azp")
    if party is None and isinstance(audience, list) and len(audience) > 1:
        raise NotBelieved("the ID token has several audiences and does not say whom it was made for")
    if party is not None and party != client_id:
        raise NotBelieved("the ID token was made for another client")


def _fits(key: Jwk, algorithm: str) -> bool:
    return (
        key.get("kty") == _KINDS[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and "d" not in key
        and key.get("alg", algorithm) == algorithm
    )
