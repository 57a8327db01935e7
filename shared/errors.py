"""The one exception that crosses layers: a code of the protocol with its words.

Raised by handlers and adapters, turned into `{"error": …}` once per door.
"""

from typing import Any

import msgspec

from shared.contracts.errors import RETRYABLE, STATUS, ErrorBody, ErrorCode, ErrorReply, FieldProblem


class ChatError(Exception):
    """A refusal or failure that the caller is told of by `code`."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        retry_after_ms: int | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.body = ErrorBody(code, message, retry_after_ms, details or {})

    @property
    def code(self) -> ErrorCode:
        return self.body.code

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return STATUS[self.body.code]

    @property
    def is_retryable(self) -> bool:
        return self.body.code in RETRYABLE

    def encode(self) -> bytes:
        """Return `{"error": {…}}` as bytes."""
        return msgspec.json.encode(ErrorReply(self.body))

    @classmethod
    def decode(cls, reply: bytes) -> "ChatError":
        """Rebuild the error from what `encode` made, on the other side of a door."""
        body = msgspec.json.decode(reply, type=ErrorReply).error
        return cls(body.code, body.message, retry_after_ms=body.retry_after_ms, details=body.details)


def invalid(path: str, problem: str) -> ChatError:
    """Return the error for one refused field."""
    return invalid_fields([FieldProblem(path, problem)])


def invalid_fields(problems: list[FieldProblem]) -> ChatError:
    """Return the error for refused fields; the message names the first."""
    first = problems[0]
    named = f"{first.path}: {first.problem}" if first.path else first.problem
    return ChatError(ErrorCode.INVALID_INPUT, named, details={"fields": msgspec.to_builtins(problems)})


def not_found(what: str) -> ChatError:
    return ChatError(ErrorCode.NOT_FOUND, f"{what} not found")


def forbidden(why: str) -> ChatError:
    return ChatError(ErrorCode.FORBIDDEN, why)


def conflict(why: str) -> ChatError:
    return ChatError(ErrorCode.CONFLICT, why)


def taken(path: str) -> ChatError:
    """Return the conflict over a field whose value somebody else has."""
    problems = [{"path": path, "problem": "is taken"}]
    return ChatError(ErrorCode.CONFLICT, f"{path}: is taken", details={"fields": problems})


def unavailable(why: str, retry_after_ms: int = 1_000) -> ChatError:
    return ChatError(ErrorCode.UNAVAILABLE, why, retry_after_ms=retry_after_ms)
