"""The error codes of the protocol (one table) and the shape in which they travel. Pure."""

from enum import StrEnum
from typing import Any

from msgspec import Struct, field


class ErrorCode(StrEnum):
    """Every code a client can meet. Status and retry are in `STATUS` and `RETRYABLE`."""

    INVALID_INPUT = "invalid_input"
    BAD_FRAME = "bad_frame"
    UNKNOWN_OP = "unknown_op"
    UNAUTHENTICATED = "unauthenticated"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - an error code, not a secret
    MFA_FAILED = "mfa_failed"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    INTERNAL = "internal"


STATUS: dict[ErrorCode, int] = {
    ErrorCode.INVALID_INPUT: 422,
    ErrorCode.BAD_FRAME: 400,
    ErrorCode.UNKNOWN_OP: 400,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.TOKEN_EXPIRED: 401,
    ErrorCode.MFA_FAILED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.TIMEOUT: 504,
    ErrorCode.INTERNAL: 500,
}

RETRYABLE = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE, ErrorCode.TIMEOUT, ErrorCode.INTERNAL})


class FieldProblem(Struct, frozen=True):
    """One refused field: where it stands (`rooms[2].id`, empty for the whole) and what is wrong."""

    path: str
    problem: str


class ErrorBody(Struct, frozen=True):
    """What stands under `error` on every door."""

    code: ErrorCode
    message: str
    retry_after_ms: int | None = None
    details: dict[str, Any] = field(default_factory=dict)


class ErrorReply(Struct, frozen=True):
    """`{"error": {…}}`: a whole REST body, or the bus's reply."""

    error: ErrorBody
