"""TOTP (RFC 6238): makes secrets, shows them to an app, and says of which step a code is."""

import io
from collections.abc import Sequence
from datetime import datetime

import pyotp
import segno
from pyotp.exceptions import OTPVerificationError

from services.auth.sealing import SecretSealer
from shared.errors import unavailable

# Apps know nothing else: SHA-1, six digits, thirty seconds. One step to either side: clocks differ.
_SLACK_STEPS = 1
_DOT_PIXELS = 4
SEALED_FOR = "totp secrets"


class TotpSecrets:
    """Secrets of one deployment, sealed to their users."""

    def __init__(self, secret: bytes, issuer: str, previous: Sequence[bytes] = ()) -> None:
        """`issuer` is what an app shows above the code, `previous` are the deployment's secrets of before."""
        self._sealer = SecretSealer(secret, SEALED_FOR, previous)
        self._issuer = issuer

    @staticmethod
    def create() -> str:
        """Return 160 random bits in base32."""
        return pyotp.random_base32()

    def seal(self, secret: str, user_id: str) -> bytes:
        return self._sealer.seal(secret.encode(), user_id)

    def describe(self, secret: str, username: str) -> str:
        """Return the `otpauth:` URL that an app takes."""
        return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=self._issuer)

    def find_step(self, sealed: bytes, user_id: str, code: str, now: datetime) -> int | None:
        """Return the number of the step whose code this is, near `now`; None if it is of none."""
        secret = self._sealer.open(sealed, user_id)
        if secret is None:
            raise unavailable("a sealed secret cannot be opened")
        totp = pyotp.TOTP(secret.decode())
        try:
            return totp.verify_and_get_timecode(code, for_time=now, valid_window=_SLACK_STEPS)
        except OTPVerificationError:
            return None


def draw_qr(text: str) -> str:
    """Return an SVG document that shows `text` as a QR code: black on white, also where all else is dark."""
    drawn = io.BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(drawn, kind="svg", scale=_DOT_PIXELS, dark="#000", light="#fff", xmldecl=False, nl=False)
    return drawn.getvalue().decode()
