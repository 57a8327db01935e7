"""Commands of passwords: change one's own, and set a new one by a mailed link when it is forgotten."""

from msgspec import Struct

from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Email, GivenPassword, Password, Secret
from shared.contracts.registry import POST, PUT, REST_ONLY, Access, command


class ChangePassword(Struct, frozen=True):
    current_password: GivenPassword
    new_password: Password


class SetPassword(Struct, frozen=True):
    password: Password


class RequestReset(Struct, frozen=True):
    email: Email


class ResetPassword(Struct, frozen=True):
    token: Secret
    """From the link."""
    password: Password


change_password = command(
    "auth.change_password", ChangePassword, Empty, "Change one's password; all other logins end",
    service="auth", http=POST("/auth/password"), errors=(ErrorCode.FORBIDDEN,),
)  # fmt: skip
set_password = command(
    "auth.set_password", SetPassword, Empty, "Set a first password; all other logins end",
    service="auth", http=PUT("/auth/password"), errors=(ErrorCode.FORBIDDEN, ErrorCode.CONFLICT),
)  # fmt: skip
request_reset = command(
    "auth.request_reset", RequestReset, Empty, "Mail a link that sets a new password",
    service="auth", http=POST("/auth/request-reset"), access=Access.PUBLIC, doors=REST_ONLY,
)  # fmt: skip
reset_password = command(
    "auth.reset_password", ResetPassword, Empty, "Set a new password by a mailed link; all logins end",
    service="auth", http=POST("/auth/reset-password"), access=Access.PUBLIC, doors=REST_ONLY,
    errors=(ErrorCode.FORBIDDEN,),
)  # fmt: skip
