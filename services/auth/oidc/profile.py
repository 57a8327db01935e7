"""What a provider says of somebody, taken from its claims: only what is well-formed, and fits here. Pure."""

import re
from typing import Any

import msgspec
from msgspec import Struct

from services.auth.oidc.settings import ProviderSettings
from shared.contracts.entities import UserRole
from shared.contracts.fields import DisplayName, Email, Username

_SUBJECT_MAX = 255  # OpenID Connect Core 1.0, section 2
_NOT_IN_USERNAMES = re.compile(r"[^a-z0-9._-]+")
_USERNAME_MAX = 32
_NOBODYS_NAME = "user"


class Profile(Struct, frozen=True):
    """Who has signed in, in our words."""

    issuer: str
    subject: str
    email: str | None
    """Whether verified or not: to be shown."""
    verified_email: str | None
    """Only what the provider vouches for."""
    display_name: str | None
    username: str
    """One to suggest: well-formed, maybe taken."""
    role: UserRole | None
    """What the groups mean; None: nothing."""


def read_profile(claims: dict[str, Any], settings: ProviderSettings) -> Profile | None:
    """Return the profile; None if the claims name nobody."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_MAX or not subject.isprintable():
        return None
    email = _fit(claims.get("email"), Email)
    is_verified = claims.get("email_verified") is True
    return Profile(
        issuer=settings.issuer,
        subject=subject,
        email=email,
        verified_email=email if is_verified else None,
        display_name=_fit(claims.get("name"), DisplayName),
        username=suggest_username(claims.get("preferred_username"), (email or "").partition("@")[0]),
        role=_find_role(claims, settings),
    )


def misses(claims: dict[str, Any], settings: ProviderSettings) -> bool:
    """Whether the ID token leaves out what is wanted, so that the userinfo endpoint is to be asked."""
    wants_groups = bool(settings.admin_groups) and find_claim(claims, settings.groups_claim) is None
    return wants_groups or any(claims.get(name) is None for name in ("email", "email_verified", "name"))


def find_claim(claims: dict[str, Any], path: str) -> Any:
    """Return the claim of that name, or at the end of a path with dots; None if there is none."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def suggest_username(*candidates: Any) -> str:
    """Return the first candidate that can be made a user name, made one."""
    for candidate in candidates:
        if isinstance(candidate, str):
            # What looks like an address is its local part: nobody is named after a mail server.
            folded = _NOT_IN_USERNAMES.sub("-", candidate.partition("@")[0].lower()).strip("-")
            fitting: str | None = _fit(folded[:_USERNAME_MAX], Username)
            if fitting is not None:
                return fitting
    return _NOBODYS_NAME


def _find_role(claims: dict[str, Any], settings: ProviderSettings) -> UserRole | None:
    if not settings.admin_groups:
        return None
    found = find_claim(claims, settings.groups_claim)
    groups = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return "admin" if any(group in settings.admin_groups for group in groups) else "member"


def _fit(value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None
