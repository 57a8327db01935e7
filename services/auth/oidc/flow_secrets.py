"""What belongs to one way to a provider and back: state, binding, and what follows. Pure but for chance.

The state travels through the provider; the binding never leaves the browser but to us.
"""

import base64
import hashlib
import hmac
import secrets

from msgspec import Struct

_BYTES = 32


class FlowSecrets(Struct, frozen=True):
    """Nonce and PKCE verifier follow from the binding, so that neither has to be kept anywhere."""

    state: str
    binding: str
    is_proof: bool = False
    """Whether somebody who is signed in goes there to prove it once more. A state of the one kind is none of
    the other: it is not found.
    """

    @classmethod
    def create(cls, *, is_proof: bool = False) -> "FlowSecrets":
        """Return 256 random bits each."""
        return cls(secrets.token_urlsafe(_BYTES), secrets.token_urlsafe(_BYTES), is_proof)

    @property
    def nonce(self) -> str:
        return self._derive("nonce")

    @property
    def verifier(self) -> str:
        """Return 43 characters, the least that RFC 7636, section 4.1, takes."""
        return self._derive("verifier")

    @property
    def state_hash(self) -> bytes:
        if self.is_proof:
            return hmac.digest(b"chatcraft oidc proof", self.state.encode(), hashlib.sha256)
        return _hash(self.state)

    @property
    def binding_hash(self) -> bytes:
        return _hash(self.binding)

    def _derive(self, purpose: str) -> str:
        digest = hmac.digest(self.binding.encode(), f"chatcraft oidc {purpose}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
