"""Seals what must be read again: AES-256-GCM under the deployment's secret, a key for each purpose."""

import os
from collections.abc import Sequence
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32
_NONCE_BYTES = 12  # what AES-GCM takes (NIST SP 800-38D, section 8.2)


def derive_key(secret: bytes, purpose: str) -> bytes:
    """Return 32 bytes for one purpose; nobody who has them learns the secret or another purpose's."""
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=f"chatcraft {purpose}".encode()).derive(secret)


class SecretSealer:
    """One key for one purpose; `owner` binds what is sealed to whose it is.

    Opens also what was sealed under a secret of before.
    """

    def __init__(self, secret: bytes, purpose: str, previous: Sequence[bytes] = ()) -> None:
        self._ciphers = [AESGCM(derive_key(each, purpose)) for each in (secret, *previous)]

    def seal(self, plain: bytes, owner: str) -> bytes:
        """Return nonce and ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, plain, owner.encode())

    def open(self, sealed: bytes, owner: str) -> bytes | None:
        """Return what was sealed; None if it was under another secret, or altered."""
        return _open_with(self._ciphers, sealed, owner)

    def is_present(self, sealed: bytes, owner: str) -> bool:
        """Whether it is sealed under the present secret, not one of before."""
        return _open_with(self._ciphers[:1], sealed, owner) is not None


def _open_with(ciphers: Sequence[AESGCM], sealed: bytes, owner: str) -> bytes | None:
    nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    for cipher in ciphers:
        with suppress(InvalidTag, ValueError):  # too short to hold a nonce
            return cipher.decrypt(nonce, ciphertext, owner.encode())
    return None
