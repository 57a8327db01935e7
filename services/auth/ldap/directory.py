"""Asks a directory whether a password is right, and what it says of its owner. The only module with ldap3.

The library waits for the network, so it runs in a small pool of threads.
"""

import asyncio
import secrets
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import ldap3
import msgspec
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn
from msgspec import Struct

from services.auth.ldap.settings import DirectorySettings
from shared.contracts.entities import UserRole
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import DisplayName, Email
from shared.errors import ChatError, unavailable
from shared.telemetry import get_logger

log = get_logger(__name__)

T = TypeVar("T")

# Each wait for the network, and all of them together: a command is answered within 10 s.
_CONNECT_S = 3
_ANSWER_S = 2
_PATIENCE_S = 7.0
_THREADS = 8
_WAITING_MAX = 64
_RETRY_MS = 1_000
# Bind results that say of the account: not by this password (RFC 4511, appendix A.2). 53 and 19 are
# locked and expired ones, with the overlays that do that; 32 and 34 are names that nobody has.
_REFUSED = frozenset({19, 32, 34, 49, 53})
_SUCCESS = 0
_FOUND_MAX = 2  # more than one is as bad as many

_Entry = dict[str, list[bytes]]


class Entry(Struct, frozen=True):
    """Who has given the right password, in our words."""

    subject: str
    display_name: str | None
    email: str | None
    role: UserRole | None
    """What the groups mean; None: nothing."""


class Directory:
    """`close` when done."""

    def __init__(self, settings: DirectorySettings) -> None:
        self.settings = settings
        self._scheme = settings.address.scheme
        self._tls = _VerifyingTls(settings.ca_file) if self._scheme != "ldap" else None
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="ldap")
        self._waiting = 0

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def authenticate(self, username: str, password: str) -> Entry | None:
        """Return who that is; None if the password is wrong, or there is nobody.

        Raises ChatError `unavailable` while it cannot be asked, `rate_limited` while too many wait.
        """
        return await self._run(lambda: self._authenticate(username, password))

    async def pretend(self) -> None:
        """Do the same work for nobody, so that it cannot be told from the time who is in the directory."""
        await self.authenticate(f"nobody-{secrets.token_hex(8)}", secrets.token_urlsafe())

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING_MAX:
            raise ChatError(
                ErrorCode.RATE_LIMITED, "too many are signing in at the moment", retry_after_ms=_RETRY_MS
            )
        self._waiting += 1
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except (LDAPException, OSError) as exc:  # a TimeoutError is an OSError
            log.warning("directory_failed", reason=f"{type(exc).__name__}: {exc}"[:300])
            raise unavailable("the directory cannot be reached at the moment") from exc
        finally:
            self._waiting -= 1

    def _authenticate(self, username: str, password: str) -> Entry | None:
        if not password:  # a bind without a password is anonymous, and succeeds (RFC 4513, section 5.1.2)
            return None
        if self.settings.user_dn is not None:
            found = self._bind_by_name(self.settings.user_dn, username, password)
        else:
            found = self._search_and_bind(username, password)
        return self._read(found) if found is not None else None

    def _bind_by_name(self, template: str, username: str, password: str) -> _Entry | None:
        user_dn = template.replace("{username}", escape_rdn(username))
        with self._connected(user_dn, password) as connection:
            if not self._bind(connection):
                return None
            found = self._search(connection, user_dn, "(objectClass=*)", ldap3.BASE)
        if len(found) != 1:
            raise LDAPException("who has bound cannot read their own entry")
        return found[0][1]

    def _search_and_bind(self, username: str, password: str) -> _Entry | None:
        with self._connected(self.settings.search_dn, self.settings.search_password) as searching:
            if not self._bind(searching):
                raise LDAPException("the account that searches is refused")
            wanted = self.settings.filter.replace("{username}", escape_filter_chars(username))
            found = self._search(searching, self.settings.base or "", wanted, ldap3.SUBTREE)
        if len(found) == 1:
            [(user_dn, entry)] = found
            with self._connected(user_dn, password) as binding:
                return entry if self._bind(binding) else None
        # Nobody, or several: the same work, with a password of nobody.
        with self._connected(f"cn={secrets.token_hex()}", secrets.token_urlsafe()) as binding:
            self._bind(binding)
        return None

    @contextmanager
    def _connected(self, user_dn: str | None, password: str | None) -> Iterator[ldap3.Connection]:
        # Not one for all: it remembers that it was reached, and then an open that fails raises nothing.
        server = ldap3.Server(
            self.settings.host, self.settings.port, use_ssl=self._scheme == "ldaps", tls=self._tls,
            get_info=ldap3.NONE, connect_timeout=_CONNECT_S,
        )  # fmt: skip
        connection = ldap3.Connection(
            server, user_dn, password,
            authentication=ldap3.SIMPLE if user_dn else ldap3.ANONYMOUS,
            client_strategy=ldap3.SAFE_SYNC, auto_referrals=False, read_only=True,
            receive_timeout=_ANSWER_S, auto_bind=ldap3.AUTO_BIND_NONE, raise_exceptions=False,
        )  # fmt: skip
        try:
            connection.open(read_server_info=False)
            if self._scheme == "ldap+starttls":
                connection.start_tls(read_server_info=False)  # raises unless it did
            yield connection
        finally:
            with suppress(LDAPException):  # it may be gone
                connection.unbind()
            if connection.socket is not None:  # it leaves one open that it could not connect
                connection.socket.close()

    @staticmethod
    def _bind(connection: ldap3.Connection) -> bool:
        """Whether the password is right. Raises LDAPException for what is not about the password."""
        _, result, _, _ = connection.bind(read_server_info=False)
        if result["result"] == _SUCCESS:
            return True
        if result["result"] in _REFUSED:
            return False
        raise LDAPException(f"the directory does not let anybody bind: {result['description']}")

    def _search(
        self, connection: ldap3.Connection, base: str, wanted: str, scope: Any
    ) -> list[tuple[str, _Entry]]:
        settings = self.settings
        attributes = [settings.id_attribute, settings.name_attribute, settings.email_attribute]
        _, result, entries, _ = connection.search(
            base, wanted, scope, attributes=[*attributes, settings.groups_attribute],
            size_limit=_FOUND_MAX, time_limit=_ANSWER_S,
        )  # fmt: skip
        size_limit_exceeded, no_such_object = 4, 32
        if result["result"] not in {_SUCCESS, size_limit_exceeded, no_such_object}:
            raise LDAPException(f"the directory does not search: {result['description']}")
        return [(each["dn"], each["raw_attributes"]) for each in entries if each["type"] == "searchResEntry"]

    def _read(self, entry: _Entry) -> Entry:
        """Take what fits. Raises LDAPException without an id: then nobody could be known again."""
        settings = self.settings
        attributes = {name.lower(): values for name, values in entry.items()}
        ids = attributes.get(settings.id_attribute.lower(), [])
        if len(ids) != 1:
            raise LDAPException(f"the entry has not one {settings.id_attribute}")
        groups = {_decode(each).lower() for each in attributes.get(settings.groups_attribute.lower(), [])}
        is_admin = any(each.lower() in groups for each in settings.admin_groups)
        return Entry(
            subject=_decode(ids[0]),
            display_name=_find_first(attributes.get(settings.name_attribute.lower(), []), DisplayName),
            email=_find_first(attributes.get(settings.email_attribute.lower(), []), Email),
            role=("admin" if is_admin else "member") if settings.admin_groups else None,
        )


class _VerifyingTls(ldap3.Tls):
    """Lets Python check the certificate and its name, instead of the library's own copy of that code."""

    def __init__(self, ca_file: str | None) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = ssl.create_default_context(cafile=ca_file)

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ARG002 - ldap3's signature
        connection.socket = self._context.wrap_socket(
            connection.socket, server_hostname=connection.server.host
        )


def _decode(value: bytes) -> str:
    """Return text, or the hexadecimal digits of what is none, such as an `objectGUID`."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return text if text.isprintable() else value.hex()


def _find_first(values: list[bytes], kind: Any) -> Any:
    for value in values:
        try:
            return msgspec.convert(_decode(value), kind)
        except msgspec.ValidationError:
            continue
    return None
