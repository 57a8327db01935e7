"""Access tokens: JWTs signed with Ed25519. Signed by the auth service, verified by every node.

RFC 9068 (`typ: at+jwt`), RFC 8037 (`alg: EdDSA`, pinned). Knows nothing of revocation.
"""

from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm
from msgspec import Struct

from shared.contracts.entities import UserRole
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.grants import Grant

ACCESS_TOKEN_S = 15 * 60
ISSUER = "chatcraft"
AUDIENCE = "chatcraft"
_ALGORITHM = "EdDSA"
_TYPE = "at+jwt"
_REQUIRED = ["sub", "sid", "role", "iss", "aud", "exp", "iat"]
# Nodes' clocks may differ a little; a token is never accepted much past its end.
_LEEWAY_S = 5


class Claims(Struct, frozen=True):
    """What a valid token says. Times in Unix seconds; `issued_at` with fractions."""

    user_id: str
    login_id: str
    role: UserRole
    username: str
    display_name: str
    issued_at: float
    expires_at: int
    grant: Grant | None = None
    """Of an API token, which says what it may do; people may all."""


class UnknownKey(Exception):  # noqa: N818 - not an error yet: the caller fetches the keys once
    """The token names a key that is not held; fetch the keys and try again, once."""


def sign(claims: Claims, key: Ed25519PrivateKey, key_id: str) -> str:
    """Return the compact token."""
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": claims.user_id,
        "sid": claims.login_id,
        "role": claims.role,
        "preferred_username": claims.username,
        "name": claims.display_name,
        "iat": claims.issued_at,
        "exp": claims.expires_at,
    }
    return jwt.encode(payload, key, algorithm=_ALGORITHM, headers={"typ": _TYPE, "kid": key_id})


def public_jwk(key: Ed25519PrivateKey | Ed25519PublicKey, key_id: str) -> dict[str, Any]:
    """Return the JWK without an `alg` member, so that verifiers of either naming take it."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    jwk: dict[str, Any] = OKPAlgorithm.to_jwk(public, as_dict=True)
    return {"kty": jwk["kty"], "crv": jwk["crv"], "x": jwk["x"], "kid": key_id, "use": "sig"}


class TokenVerifier:
    """Verifies tokens by the keys it holds. 83 µs a token: cache the verdict."""

    def __init__(self) -> None:
        self._keys: dict[str, Any] = {}

    def set_keys(self, jwks: list[dict[str, Any]]) -> None:
        """Take the published keys in place of those held."""
        self._keys = {jwk["kid"]: OKPAlgorithm.from_jwk(jwk) for jwk in jwks}

    def verify(self, token: str) -> Claims:
        """Return the claims. Raises ChatError `token_expired` or `unauthenticated`, or UnknownKey."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != _ALGORITHM or str(header.get("typ")).lower() != _TYPE:
                raise _refused()
            key = self._keys.get(str(header.get("kid")))
            if key is None:
                raise UnknownKey
            payload = jwt.decode(
                token, key, algorithms=[_ALGORITHM], issuer=ISSUER, audience=AUDIENCE,
                leeway=_LEEWAY_S,
                # A node whose clock runs behind would refuse every new token; `exp` and `nbf` still count.
                options={"require": _REQUIRED, "verify_iat": False},
            )  # fmt: skip
            return _to_claims(payload)
        except jwt.ExpiredSignatureError as exc:
            raise ChatError(ErrorCode.TOKEN_EXPIRED, "the access token has expired") from exc
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as exc:
            raise _refused() from exc


def _to_claims(payload: dict[str, Any]) -> Claims:
    return Claims(
        user_id=str(payload["sub"]),
        login_id=str(payload["sid"]),
        role=payload["role"],
        username=str(payload.get("preferred_username", "")),
        display_name=str(payload.get("name", "")),
        issued_at=float(payload["iat"]),
        expires_at=int(payload["exp"]),
    )


def _refused() -> ChatError:
    return ChatError(ErrorCode.UNAUTHENTICATED, "a valid access token is needed")
