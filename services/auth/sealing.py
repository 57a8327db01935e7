"""Seals small secrets that must be read again: AES-256-GCM under a key from the deployment's secret."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.auth.keys import derive_key
from shared.errors import unavailable

_NONCE_BYTES = 12  # what AES-GCM takes (NIST SP 800-38D, section 8.2)


class SecretSealer:
    """One key for one purpose; `owner` binds what is sealed to whose it is."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        self._cipher = AESGCM(derive_key(secret, purpose))

    def seal(self, plain: str, owner: str) -> bytes:
        """Return nonce and ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain.encode(), owner.encode())

    def open(self, sealed: bytes, owner: str) -> str:
        """Raises ChatError `unavailable` if it was sealed under another secret, or altered."""
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, ciphertext, owner.encode()).decode()
        except InvalidTag:
            raise unavailable("a sealed secret cannot be opened") from None
