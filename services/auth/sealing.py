"""Seals small secrets that must be read again: AES-256-GCM under a key from the deployment's secret."""

import os
from collections.abc import Sequence
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.auth.keys import derive_key
from shared.errors import unavailable

_NONCE_BYTES = 12  # what AES-GCM takes (NIST SP 800-38D, section 8.2)


class SecretSealer:
    """One key for one purpose; `owner` binds what is sealed to whose it is.

    Opens also what was sealed under a secret of before.
    """

    def __init__(self, secret: bytes, purpose: str, previous: Sequence[bytes] = ()) -> None:
        self._ciphers = [AESGCM(derive_key(each, purpose)) for each in (secret, *previous)]

    def seal(self, plain: str, owner: str) -> bytes:
        """Return nonce and ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, plain.encode(), owner.encode())

    def open(self, sealed: bytes, owner: str) -> str:
        """Raises ChatError `unavailable` if it was sealed under another secret, or altered."""
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for cipher in self._ciphers:
            with suppress(InvalidTag):
                return cipher.decrypt(nonce, ciphertext, owner.encode()).decode()
        raise unavailable("a sealed secret cannot be opened")
