"""What the auth service is told by its environment. Read once, by `__main__`."""

import base64
import binascii

from pydantic import Field, SecretStr, field_validator

from services.auth.mail.settings import MailSettings
from services.auth.registration.settings import RegistrationSettings
from shared.settings import DatabaseSettings

_SECRET_MIN_BYTES = 32


class AuthSettings(MailSettings, RegistrationSettings, DatabaseSettings):
    """`CHATCRAFT_SECRET_KEY` must be the same on every replica, and as well kept as the database."""

    secret_key: SecretStr
    """At least 32 random bytes in base64url: refresh tokens and the sealing of keys derive from it."""
    auth_rate_factor: float = Field(default=1.0, gt=0)
    """Multiplies the limits on registrations and password guesses."""

    @field_validator("secret_key")
    @classmethod
    def _check_secret_key(cls, value: SecretStr) -> SecretStr:
        if len(_decode(value.get_secret_value())) < _SECRET_MIN_BYTES:
            raise ValueError("needs at least 32 random bytes; make one with: openssl rand -base64 32")
        return value

    @property
    def secret(self) -> bytes:
        """The bytes of `secret_key`."""
        return _decode(self.secret_key.get_secret_value())


def _decode(text: str) -> bytes:
    try:
        # Plain base64, as openssl writes it, is taken as well.
        url_safe = text.strip().translate(str.maketrans("+/", "-_")).rstrip("=")
        return base64.b64decode(url_safe + "=" * (-len(url_safe) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64url; make one with: openssl rand -base64 32") from None
