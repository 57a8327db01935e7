"""Seals mails while they wait: whoever reads the database cannot follow a link that is in one."""

from collections.abc import Sequence

import msgspec

from services.auth.mail.message import Mail, Request
from services.auth.sealing import SecretSealer

SEALED_FOR = "mails"
_decoder: msgspec.json.Decoder[Mail | Request] = msgspec.json.Decoder(Mail | Request)


class MailSealer:
    """Binds what is sealed to the id of its row."""

    def __init__(self, secret: bytes, previous: Sequence[bytes] = ()) -> None:
        self._sealer = SecretSealer(secret, SEALED_FOR, previous)

    def seal(self, mail_id: str, content: Mail | Request) -> bytes:
        return self._sealer.seal(msgspec.json.encode(content), mail_id)

    def open(self, mail_id: str, sealed: bytes) -> Mail | Request | None:
        """Return the content; None if it was sealed under another secret, or altered."""
        opened = self._sealer.open(sealed, mail_id)
        try:
            return None if opened is None else _decoder.decode(opened)
        except (ValueError, msgspec.DecodeError):
            return None
