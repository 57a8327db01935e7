"""What the auth service is told by its environment. Read once, by `__main__`."""

import base64
import binascii
from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from services.auth.domain import LoginLimits
from services.auth.ldap.settings import LdapSettings
from services.auth.oidc.settings import OidcSettings
from services.auth.registration.settings import RegistrationSettings
from shared.settings import DatabaseSettings, ServiceSettings

_SECRET_MIN_BYTES = 32


class SecretSettings(BaseSettings):
    """What all that is sealed at rest depends on: for the service, and for the operator's commands."""

    model_config = ServiceSettings.model_config

    secret_key: SecretStr
    """At least 32 random bytes in base64url: refresh tokens and the sealing of keys derive from it."""
    auth_previous_secret_keys: SecretStr = SecretStr("")
    """Those of before, separated by commas: what they have sealed can still be opened."""

    @field_validator("secret_key")
    @classmethod
    def _check_secret_key(cls, value: SecretStr) -> SecretStr:
        if len(_decode(value.get_secret_value())) < _SECRET_MIN_BYTES:
            raise ValueError("needs at least 32 random bytes; make one with: openssl rand -base64 32")
        return value

    @field_validator("auth_previous_secret_keys")
    @classmethod
    def _check_previous(cls, value: SecretStr) -> SecretStr:
        if any(len(_decode(each)) < _SECRET_MIN_BYTES for each in _split(value.get_secret_value())):
            raise ValueError("holds one that is too short; take them as they were")
        return value

    @property
    def secret(self) -> bytes:
        """The bytes of `secret_key`."""
        return _decode(self.secret_key.get_secret_value())

    @property
    def previous_secrets(self) -> list[bytes]:
        """The bytes of `auth_previous_secret_keys`."""
        return [_decode(each) for each in _split(self.auth_previous_secret_keys.get_secret_value())]


class AuthSettings(SecretSettings, OidcSettings, LdapSettings, RegistrationSettings, DatabaseSettings):
    """`CHATCRAFT_SECRET_KEY` must be the same on every replica, and as well kept as the database."""

    auth_rate_factor: float = Field(default=1.0, gt=0)
    """Multiplies the limits on registrations and password guesses."""
    auth_key_rotation_days: int = Field(default=90, ge=1)
    """A new key signs access tokens after so long."""
    auth_idle_limit_days: int = Field(default=30, ge=1, le=400)
    """A login that is not refreshed for so long has ended. No browser keeps its cookie for more than 400."""
    auth_absolute_limit_days: int = Field(default=90, ge=1)
    """A login ends after so long, however often it is refreshed."""
    auth_bots_per_owner: int = Field(default=20, ge=0)
    """How many active bots one person may own."""
    auth_tokens_per_user: int = Field(default=20, ge=0)
    """How many valid API tokens one person, or one bot, may have."""
    auth_origins: str = "http://localhost:8080"
    """Where the web client is opened, separated by commas: passkeys are taken from there alone."""
    auth_rp_id: str = Field(default="", validate_default=True)
    """The domain that passkeys are made for; if empty, the host of the first origin."""

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
    def login_limits(self) -> LoginLimits:
        return LoginLimits(
            timedelta(days=self.auth_idle_limit_days), timedelta(days=self.auth_absolute_limit_days)
        )


def _decode(text: str) -> bytes:
    try:
        # Plain base64, as openssl writes it, is taken as well.
        url_safe = text.strip().translate(str.maketrans("+/", "-_")).rstrip("=")
        return base64.b64decode(url_safe + "=" * (-len(url_safe) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64url; make one with: openssl rand -base64 32") from None


def _split(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _check_origin(origin: str) -> None:
    """Raise ValueError unless it is spelled as browsers do, and they have passkeys there."""
    parts = urlsplit(origin)
    if origin != f"{parts.scheme}://{parts.netloc}".lower() or "@" in origin or not parts.hostname:
        raise ValueError(f"{origin} is not an origin such as https://chat.example.org")
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname != "localhost"):
        raise ValueError(f"{origin} must be https; browsers have passkeys over http on localhost only")
