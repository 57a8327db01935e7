"""Commands of signing in: register, login, refresh, logout, login sessions, keys."""

from typing import Any, ClassVar, Literal

from msgspec import Struct

from shared.contracts.entities import Empty, LoginSession, Tokens, User
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import (
    DisplayName,
    Email,
    GivenPassword,
    Id,
    Login,
    Password,
    Secret,
    TermsVersion,
    Username,
)
from shared.contracts.proof_of_work import ProofOfWork
from shared.contracts.registry import DELETE, GATEWAY_ONLY, GET, POST, REST_ONLY, Access, command


class Register(Struct, frozen=True):
    username: Username
    password: Password
    display_name: DisplayName | None = None
    """The user name if absent."""
    email: Email | None = None
    """A link to verify it is mailed."""
    invitation: Secret | None = None
    """The token of an invitation, where the policy asks for one."""
    accepts_terms: TermsVersion | None = None
    """The version of the terms in force, where there are any."""
    is_old_enough: bool = False
    """The declaration to be of the minimum age, where there is one."""
    proof_of_work: ProofOfWork | None = None
    """A solved challenge of the policy, where there is one."""


class SignedIn(Struct, frozen=True):
    user: User
    tokens: Tokens


SecondFactor = Literal["totp", "recovery_code", "passkey"]


class SecondFactorDue(Struct, frozen=True):
    """The password was right and is not enough: `auth.login_totp` or `auth.login_passkey` finish it."""

    mfa_token: str
    """Good for five minutes and a few tries, for these two commands and `auth.passkey_options`."""
    methods: list[SecondFactor]


class LoginReply(Struct, frozen=True, omit_defaults=True):
    """Either of two shapes, in one struct because nothing on the wire tells which it is."""

    either: ClassVar[tuple[type[Struct], ...]] = (SignedIn, SecondFactorDue)

    user: User | None = None
    tokens: Tokens | None = None
    mfa_token: str | None = None
    methods: list[SecondFactor] | None = None


class PasswordLogin(Struct, frozen=True):
    login: Login
    """A user name, or a verified e-mail address."""
    password: GivenPassword


class Refresh(Struct, frozen=True):
    refresh_token: Secret | None = None
    """Absent when the cookie carries it."""


class Refreshed(Struct, frozen=True):
    tokens: Tokens


class LoginSessions(Struct, frozen=True):
    logins: list[LoginSession]


class RevokeLogin(Struct, frozen=True):
    login_id: Id


class LoginsEnded(Struct, frozen=True):
    count: int


class Jwks(Struct, frozen=True):
    keys: list[dict[str, Any]]


class Reauth(Struct, frozen=True):
    access_token: Secret


register = command(
    "auth.register", Register, SignedIn, "Create an account and sign in",
    service="auth", http=POST("/auth/register"), status=201, access=Access.PUBLIC, doors=REST_ONLY,
    errors=(ErrorCode.CONFLICT, ErrorCode.FORBIDDEN),
)  # fmt: skip
login = command(
    "auth.login", PasswordLogin, LoginReply, "Sign in with a password",
    service="auth", http=POST("/auth/login"), access=Access.PUBLIC, doors=REST_ONLY,
    errors=(ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN),
)  # fmt: skip
refresh = command(
    "auth.refresh", Refresh, Refreshed, "Trade a refresh token for its successor and an access token",
    service="auth", http=POST("/auth/refresh"), access=Access.PUBLIC, doors=REST_ONLY,
    errors=(ErrorCode.UNAUTHENTICATED,),
)  # fmt: skip
logout = command(
    "auth.logout", Empty, Empty, "End this login",
    service="auth", http=POST("/auth/logout"),
)  # fmt: skip
list_logins = command(
    "auth.list_logins", Empty, LoginSessions, "List where the caller is signed in",
    service="auth", http=GET("/auth/logins"),
)  # fmt: skip
revoke_login = command(
    "auth.revoke_login", RevokeLogin, Empty, "End one of the caller's logins",
    service="auth", http=DELETE("/auth/logins/{login_id}"), errors=(ErrorCode.NOT_FOUND,),
)  # fmt: skip
revoke_other_logins = command(
    "auth.revoke_other_logins", Empty, LoginsEnded, "End all of the caller's logins but this one",
    service="auth", http=POST("/auth/logins/revoke-others"),
)  # fmt: skip
jwks = command(
    "auth.jwks", Empty, Jwks, "The public keys that verify access tokens",
    service="auth", http=GET("/auth/jwks"), access=Access.PUBLIC, doors=REST_ONLY,
)  # fmt: skip
reauth = command(
    "auth.reauth", Reauth, Empty, "Extend a live connection with a fresh token of the same login",
    service="gateway", doors=GATEWAY_ONLY, errors=(ErrorCode.FORBIDDEN,),
)  # fmt: skip
