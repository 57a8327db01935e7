"""Issues tokens: access tokens signed by the key ring, refresh tokens as a chain under the server's key."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from services.auth.keys import KeyRing
from services.auth.sealing import derive_key
from shared.contracts.entities import Me, Tokens
from shared.tokens import ACCESS_TOKEN_S, Claims, sign

_TOKEN_BYTES = 32


class RefreshTokens:
    """Opaque tokens. A successor follows from its parent and the key: nobody else can compute it."""

    def __init__(self, secret: bytes, previous: Sequence[bytes] = ()) -> None:
        self._keys = [derive_key(each, "refresh tokens") for each in (secret, *previous)]

    def create(self) -> str:
        """Return the first token of a family."""
        return secrets.token_urlsafe(_TOKEN_BYTES)

    def derive(self, parent: str) -> dict[bytes, str]:
        """Return the successor by its hash, base64url(HMAC-SHA256(key, parent)): always the same one.

        Behind it come those that a parent has which was used under a secret before the present one.
        """
        digests = [hmac.digest(key, parent.encode(), hashlib.sha256) for key in self._keys]
        successors = [base64.urlsafe_b64encode(digest).decode().rstrip("=") for digest in digests]
        return {self.hash(successor): successor for successor in successors}

    @staticmethod
    def hash(token: str) -> bytes:
        """Return what is stored; 256 random bits need neither salt nor stretching."""
        return hashlib.sha256(token.encode()).digest()


def issue(ring: KeyRing, me: Me, login_id: str, refresh_token: str, now: datetime) -> Tokens:
    """Return both tokens; `now` is the database's, the clock that revocations are measured by."""
    key = ring.choose(now)
    issued_at = now.timestamp()
    claims = Claims(
        user_id=me.id,
        login_id=login_id,
        role=me.role,
        username=me.username,
        display_name=me.display_name,
        issued_at=issued_at,
        expires_at=int(issued_at) + ACCESS_TOKEN_S,
    )
    return Tokens(sign(claims, key.private, key.id), ACCESS_TOKEN_S, refresh_token)
