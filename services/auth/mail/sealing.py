"""Seals mails while they wait: whoever reads the database cannot follow a link that is in one."""

import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.auth.keys import derive_key
from services.auth.mail.message import Mail, Request

_NONCE_BYTES = 12  # what AES-GCM takes (NIST SP 800-38D, section 8.2)
_decoder: msgspec.json.Decoder[Mail | Request] = msgspec.json.Decoder(Mail | Request)


class MailSealer:
    """AES-256-GCM under a key from the deployment's secret, bound to the id of the row."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(derive_key(secret, "mails"))

    def seal(self, mail_id: str, content: Mail | Request) -> bytes:
        """Return nonce and ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, msgspec.json.encode(content), mail_id.encode())

    def open(self, mail_id: str, sealed: bytes) -> Mail | Request | None:
        """Return the content; None if it was sealed under another secret, or altered."""
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            opened = self._cipher.decrypt(nonce, ciphertext, mail_id.encode())
            return _decoder.decode(opened)
        except (InvalidTag, ValueError, msgspec.DecodeError):
            return None
