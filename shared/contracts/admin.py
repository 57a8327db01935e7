"""Commands of administrators: accounts, their logins, the audit log. The role counts as it is now."""

from typing import Any, Literal

from msgspec import Struct

from shared.contracts.auth import LoginsEnded, LoginSessions
from shared.contracts.entities import Me
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Action, Cursor, Id, PageSize, Query
from shared.contracts.privacy import MessagesChoice, StartedErasure
from shared.contracts.registry import DELETE, GET, POST, PUT, REST_ONLY, Access, command


class AdminUser(Me, frozen=True):
    """An account as administrators see it."""

    deactivated_at: str | None
    last_used_at: str | None
    """When they last signed in or refreshed, as far as that is still known."""
    login_count: int
    """Where they are signed in now."""


class ListUsers(Struct, frozen=True):
    q: Query = ""
    """The start of a display or user name, in any case."""
    role: Literal["member", "admin", "bot"] | None = None
    state: Literal["active", "deactivated"] | None = None
    limit: PageSize = 50
    cursor: Cursor | None = None


class AdminUsers(Struct, frozen=True):
    users: list[AdminUser]
    next_cursor: str | None = None


class UserOf(Struct, frozen=True):
    user_id: Id


class SetUserRole(Struct, frozen=True):
    user_id: Id
    role: Literal["member", "admin"]


class EraseUser(Struct, frozen=True):
    user_id: Id
    messages: MessagesChoice


class ReadAudit(Struct, frozen=True):
    actor_id: Id | None = None
    subject_id: Id | None = None
    action: Action | None = None
    """An action such as `login.revoked`, or the noun of several such as `login`."""
    limit: PageSize = 50
    cursor: Cursor | None = None


class AuditEntry(Struct, frozen=True):
    """What somebody did, and when. Each hash covers the entry and the hash before it."""

    number: int
    at: str
    actor_id: str | None
    """Null: the operator at the command line, the service itself, or somebody who was not signed in."""
    action: str
    subject_id: str | None
    address: str | None
    details: dict[str, Any]
    hash: str


class AuditEntries(Struct, frozen=True):
    """The newest first."""

    entries: list[AuditEntry]
    next_cursor: str | None = None


_REFUSALS = (ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND)

list_users = command(
    "admin.list_users", ListUsers, AdminUsers, "List all accounts, by name",
    service="auth", http=GET("/admin/users"), access=Access.ADMIN, doors=REST_ONLY, errors=_REFUSALS[:1],
)  # fmt: skip
get_user = command(
    "admin.get_user", UserOf, AdminUser, "One account",
    service="auth", http=GET("/admin/users/{user_id}"), access=Access.ADMIN, doors=REST_ONLY,
    errors=_REFUSALS,
)  # fmt: skip
set_role = command(
    "admin.set_role", SetUserRole, AdminUser, "Make somebody an administrator, or a member again",
    service="auth", http=PUT("/admin/users/{user_id}/role"), access=Access.ADMIN, doors=REST_ONLY,
    errors=(*_REFUSALS, ErrorCode.CONFLICT),
)  # fmt: skip
deactivate = command(
    "admin.deactivate", UserOf, AdminUser, "Lock somebody out and end all their logins; nothing is deleted",
    service="auth", http=POST("/admin/users/{user_id}/deactivate"), access=Access.ADMIN, doors=REST_ONLY,
    errors=(*_REFUSALS, ErrorCode.CONFLICT),
)  # fmt: skip
reactivate = command(
    "admin.reactivate", UserOf, AdminUser, "Let somebody in again who was deactivated",
    service="auth", http=POST("/admin/users/{user_id}/reactivate"), access=Access.ADMIN, doors=REST_ONLY,
    errors=(*_REFUSALS, ErrorCode.CONFLICT),
)  # fmt: skip
erase = command(
    "admin.erase", EraseUser, StartedErasure, "Erase somebody's account, at once and for good",
    service="auth", http=POST("/admin/users/{user_id}/erasure"), status=202, access=Access.ADMIN,
    doors=REST_ONLY, errors=(*_REFUSALS, ErrorCode.CONFLICT),
)  # fmt: skip
list_logins = command(
    "admin.list_logins", UserOf, LoginSessions, "List where somebody is signed in",
    service="auth", http=GET("/admin/users/{user_id}/logins"), access=Access.ADMIN, doors=REST_ONLY,
    errors=_REFUSALS,
)  # fmt: skip
end_logins = command(
    "admin.end_logins", UserOf, LoginsEnded, "End all logins of somebody",
    service="auth", http=DELETE("/admin/users/{user_id}/logins"), access=Access.ADMIN, doors=REST_ONLY,
    errors=_REFUSALS,
)  # fmt: skip
read_audit = command(
    "admin.read_audit", ReadAudit, AuditEntries, "Read the audit log, the newest entry first",
    service="auth", http=GET("/admin/audit"), access=Access.ADMIN, doors=REST_ONLY, errors=_REFUSALS[:1],
)  # fmt: skip
