"""Commands of e-mail addresses: verify one by the link that was mailed to it, ask for it again, change it."""

from msgspec import Struct

from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Email, Secret
from shared.contracts.registry import POST, REST_ONLY, Access, command


class VerifyEmail(Struct, frozen=True):
    token: Secret
    """From the link."""


class ResendVerification(Struct, frozen=True):
    email: Email


class ChangeEmail(Struct, frozen=True):
    email: Email


verify_email = command(
    "auth.verify_email", VerifyEmail, Empty, "Show by a mailed link that an address is one's own",
    service="auth", http=POST("/auth/verify-email"), access=Access.PUBLIC, doors=REST_ONLY,
    errors=(ErrorCode.FORBIDDEN, ErrorCode.CONFLICT),
)  # fmt: skip
resend_verification = command(
    "auth.resend_verification", ResendVerification, Empty, "Mail the link that verifies an address again",
    service="auth", http=POST("/auth/resend-verification"), access=Access.PUBLIC, doors=REST_ONLY,
)  # fmt: skip
change_email = command(
    "users.change_email", ChangeEmail, Empty, "Ask for another e-mail address; its link makes the change",
    service="auth", http=POST("/users/me/email"), errors=(ErrorCode.FORBIDDEN,),
)  # fmt: skip
