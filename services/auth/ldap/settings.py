"""The setting of a directory: where it is, how people are found in it, and what their groups mean here."""

from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Meta, Struct, field
from pydantic import SecretStr, field_validator

from shared.settings import ServiceSettings

_PORTS = {"ldap": 389, "ldap+starttls": 389, "ldaps": 636}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PLACE = "{username}"

Given = Annotated[str, Meta(min_length=1)]


class DirectorySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One directory, as it is written in the setting. People are found by `user_dn`, or below `base`."""

    url: Given
    """`ldaps://host`, `ldap+starttls://host`; `ldap://`, without TLS, on this machine only."""
    name: Annotated[str, Meta(min_length=1, max_length=64)] = "Directory"
    ca_file: Given | None = None
    """Who has signed the certificate, where no public authority has."""
    user_dn: Given | None = None
    """`uid={username},ou=people,dc=corp,dc=example`: who signs in is who can bind to it."""
    base: Given | None = None
    """Where to search for `filter`; who signs in is who can bind to the one entry that is found."""
    filter: Given = "(uid={username})"
    search_dn: Given | None = None
    """Who searches; None: anonymously."""
    search_password: Given | None = None
    id_attribute: Given = "entryUUID"
    """What never changes and is never given to somebody else; `objectGUID` in Active Directory."""
    name_attribute: Given = "cn"
    email_attribute: Given = "mail"
    emails_are_verified: bool = False
    """Whether people cannot write just any address into their entry."""
    groups_attribute: Given = "memberOf"
    admin_groups: list[Given] = field(default_factory=list)
    """Who is in one of them is an administrator, who is in none a member. Empty: roles are left alone."""
    allow_registration: bool = True
    """Whether who is new gets an account by signing in."""

    @property
    def host(self) -> str:
        return self.address.hostname or ""

    @property
    def address(self) -> SplitResult:
        return urlsplit(self.url)

    @property
    def port(self) -> int:
        return self.address.port or _PORTS[self.address.scheme]


class LdapSettings(ServiceSettings):
    """There is no directory unless it is named."""

    auth_ldap: SecretStr = SecretStr("")
    """A JSON object, `DirectorySettings`; a secret, as it may hold a password."""

    @field_validator("auth_ldap")
    @classmethod
    def _check_directory(cls, value: SecretStr) -> SecretStr:
        read_directory(value.get_secret_value())
        return value

    @property
    def directory(self) -> DirectorySettings | None:
        return read_directory(self.auth_ldap.get_secret_value())


def read_directory(text: str) -> DirectorySettings | None:
    """Return the directory, if there is one. Raises ValueError that says what is wrong, never the value."""
    if not text.strip():
        return None
    try:
        directory = msgspec.json.decode(text, type=DirectorySettings)
    except msgspec.ValidationError as exc:
        raise ValueError(f"the directory is not right: {exc}") from None
    except msgspec.DecodeError as exc:
        raise ValueError(f"must be a JSON object: {exc}") from None
    _check_url(directory)
    if (directory.user_dn is None) == (directory.base is None):
        raise ValueError("needs either user_dn, to bind to, or base, to search below")
    if _PLACE not in (directory.user_dn or directory.filter):
        raise ValueError(f"{'user_dn' if directory.user_dn else 'filter'} must hold {_PLACE}")
    if (directory.search_dn is None) != (directory.search_password is None):
        raise ValueError("search_dn and search_password go together")
    return directory


def _check_url(directory: DirectorySettings) -> None:
    try:
        scheme, host, _ = directory.address.scheme, directory.address.hostname, directory.address.port
    except ValueError:
        scheme, host = "", None
    if scheme not in _PORTS or not host or directory.address.username is not None:
        raise ValueError("url must be of the kind ldaps://directory.corp.example")
    if scheme == "ldap" and host not in _LOOPBACK:
        raise ValueError("url must be ldaps:// or ldap+starttls://: passwords do not travel in the clear")
