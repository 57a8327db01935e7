"""A passkey in software, with the browser around it: answers as WebAuthn says, or wrong on purpose."""

import hashlib
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from shared.contracts.passkeys import PasskeyAssertion, PasskeyAttestation

ORIGIN = "http://localhost:8080"
UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40


def to_text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def to_raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")


@dataclass
class Authenticator:
    """One credential. What is set wrong (`flags`, `origin`, `rp_id`, `count`) is answered wrong."""

    origin: str = ORIGIN
    rp_id: str | None = None
    flags: int = UP | UV
    count: int = 1
    cross_origin: bool = False
    user_handle: bytes = b""
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any]) -> PasskeyAttestation:
        """Answer `navigator.credentials.create`."""
        self.user_handle = to_raw(options["user"]["id"])
        client_data = self._client_data("webauthn.create", options["challenge"])
        attested = (
            bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self.cose_key()
        )
        auth_data = self._auth_data(options["rp"]["id"], AT) + attested
        attestation = {"fmt": "none", "attStmt": {}, "authData": auth_data}
        answer = self._credential(
            {
                "clientDataJSON": to_text(client_data),
                "attestationObject": to_text(cbor2.dumps(attestation)),
                "transports": ["internal", "from-the-future"],
            }
        )
        return msgspec.convert(answer, PasskeyAttestation)

    def sign(self, options: dict[str, Any]) -> PasskeyAssertion:
        """Answer `navigator.credentials.get`, and count."""
        self.count += 1
        client_data = self._client_data("webauthn.get", options["challenge"])
        auth_data = self._auth_data(options["rpId"])
        signed = auth_data + hashlib.sha256(client_data).digest()
        answer = self._credential(
            {
                "clientDataJSON": to_text(client_data),
                "authenticatorData": to_text(auth_data),
                "signature": to_text(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
                "userHandle": to_text(self.user_handle) if self.user_handle else None,
            }
        )
        return msgspec.convert(answer, PasskeyAssertion)

    def cose_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        own_id = to_text(self.credential_id)
        return {
            "id": own_id,
            "rawId": own_id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }

    def _client_data(self, kind: str, challenge: str) -> bytes:
        data = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin}
        return json.dumps(data).encode()

    def _auth_data(self, rp_id: str, more_flags: int = 0) -> bytes:
        rp_hash = hashlib.sha256((self.rp_id or rp_id).encode()).digest()
        return rp_hash + bytes([self.flags | more_flags]) + self.count.to_bytes(4, "big")
