"""Settings of signing in elsewhere: which providers there are, and what their groups mean here."""

from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, field
from pydantic import SecretStr, ValidationInfo, field_validator

from services.auth.mail.settings import MailSettings
from shared.contracts.fields import Issuer, ProviderId

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Given = Annotated[str, Meta(min_length=1)]


class ProviderSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One provider, as it is written in the setting."""

    id: ProviderId
    """Stands in addresses and rows: it stays as it is."""
    name: Name
    """On the button of the sign-in page."""
    issuer: Issuer
    """Exactly as the provider spells it."""
    client_id: Given
    client_secret: Given | None = None
    """None: a public client, which PKCE alone protects."""
    scopes: list[Given] = field(default_factory=lambda: ["openid", "email", "profile"])
    groups_claim: Given = "groups"
    """A claim, or a path to it such as `realm_access.roles`."""
    admin_groups: list[Given] = field(default_factory=list)
    """Who is in one of them is an administrator, who is in none a member. Empty: roles are left alone."""
    allow_registration: bool = True
    """Whether it brings new people, as far as the registration policy lets them in."""


class OidcSettings(MailSettings):
    """Nobody signs in elsewhere unless providers are named."""

    auth_oidc_providers: SecretStr = SecretStr("")
    """A JSON list of `ProviderSettings`; a secret, as it holds those of the clients."""

    @field_validator("auth_oidc_providers")
    @classmethod
    def _check_providers(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if read_providers(value.get_secret_value()) and not info.data.get("auth_public_url"):
            raise ValueError("needs CHATCRAFT_AUTH_PUBLIC_URL, to which providers send people back")
        return value

    @property
    def oidc_providers(self) -> list[ProviderSettings]:
        return read_providers(self.auth_oidc_providers.get_secret_value())


def read_providers(text: str) -> list[ProviderSettings]:
    """Return the providers in the order given. Raises ValueError that says what is wrong, never the value."""
    if not text.strip():
        return []
    try:
        providers = msgspec.json.decode(text, type=list[ProviderSettings])
    except msgspec.ValidationError as exc:
        raise ValueError(f"a provider is not right: {exc}") from None
    except msgspec.DecodeError as exc:
        raise ValueError(f"must be a JSON list of providers: {exc}") from None
    for provider in providers:
        _check_provider(provider)
    _refuse_doubles("id", [provider.id for provider in providers])
    _refuse_doubles("issuer", [provider.issuer for provider in providers])
    return providers


def is_safe_url(url: str, *, may_be_loopback: bool) -> bool:
    """Whether an address is https; or http on this machine, where that is wanted."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (
        may_be_loopback and parts.scheme == "http" and parts.hostname in _LOOPBACK
    )


def _check_provider(provider: ProviderSettings) -> None:
    if not is_safe_url(provider.issuer, may_be_loopback=True) or urlsplit(provider.issuer).query:
        raise ValueError(
            f"provider {provider.id}: issuer must be an https address without query or fragment, "
            "as the provider spells it"
        )
    if "openid" not in provider.scopes:
        raise ValueError(f"provider {provider.id}: scopes must hold openid")


def _refuse_doubles(what: str, values: list[str]) -> None:
    # Of two with one issuer nobody could say which of them an account is from.
    if len(set(values)) < len(values):
        raise ValueError(f"two providers have the same {what}")
