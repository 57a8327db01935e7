"""What the auth service is told by its environment. Read once, by `__main__`."""

import base64
import binascii
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from shared.settings import DatabaseSettings

_SECRET_MIN_BYTES = 32


class AuthSettings(DatabaseSettings):
    """`CHATCRAFT_SECRET_KEY` must be the same on every replica, and as well kept as the database."""

    secret_key: SecretStr
    """At least 32 random bytes in base64url: refresh tokens and the sealing of keys derive from it."""
    auth_rate_factor: float = Field(default=1.0, gt=0)
    """Multiplies the limits on registrations and password guesses."""
    auth_origins: str = "http://localhost:8080"
    """Where the web client is opened, separated by commas: passkeys are taken from there alone."""
    auth_rp_id: str = Field(default="", validate_default=True)
    """The domain that passkeys are made for; if empty, the host of the first origin."""

    @field_validator("secret_key")
    @classmethod
    def _check_secret_key(cls, value: SecretStr) -> SecretStr:
        if len(_decode(value.get_secret_value())) < _SECRET_MIN_BYTES:
            raise ValueError("needs at least 32 random bytes; make one with: openssl rand -base64 32")
        return value

    @field_validator("auth_origins")
    @classmethod
    def _check_origins(cls, value: str) -> str:
        if not _split(value):
            raise ValueError("names no origin")
        for origin in _split(value):
            _check_origin(origin)
        return value

    @field_validator("auth_rp_id")
    @classmethod
    def _check_rp_id(cls, value: str, info: ValidationInfo) -> str:
        hosts = [urlsplit(origin).hostname or "" for origin in _split(info.data.get("auth_origins", ""))]
        rp_id = value or next(iter(hosts), "")
        for host in hosts:
            if host != rp_id and not host.endswith(f".{rp_id}"):
                raise ValueError(f"must be the domain of every origin, or above it; {host} is elsewhere")
        return rp_id

    @property
    def origins(self) -> list[str]:
        return _split(self.auth_origins)

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


def _split(origins: str) -> list[str]:
    return [origin.strip() for origin in origins.split(",") if origin.strip()]


def _check_origin(origin: str) -> None:
    """Raise ValueError unless it is spelled as browsers do, and they have passkeys there."""
    parts = urlsplit(origin)
    if origin != f"{parts.scheme}://{parts.netloc}".lower() or "@" in origin or not parts.hostname:
        raise ValueError(f"{origin} is not an origin such as https://chat.example.org")
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname != "localhost"):
        raise ValueError(f"{origin} must be https; browsers have passkeys over http on localhost only")
