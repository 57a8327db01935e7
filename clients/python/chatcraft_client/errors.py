"""What goes wrong, in one exception with the protocol's code. Raised by every call of the client.

Beyond the server's codes: `disconnected` (the reply was lost with the connection, the command may have
taken effect), `lagged` (a feed was read too slowly), `bad_reply` (the server said what nobody understands).
"""

from typing import Any

import msgspec
from msgspec import Struct, field

from shared.contracts.errors import RETRYABLE

DISCONNECTED = "disconnected"
LAGGED = "lagged"
BAD_REPLY = "bad_reply"
_RETRYABLE: frozenset[str] = frozenset({*RETRYABLE, DISCONNECTED})


class ErrorShape(Struct, frozen=True):
    """`error` as it travels; a code of a newer server is a string like any other."""

    code: str
    message: str = ""
    retry_after_ms: int | None = None
    details: dict[str, Any] = field(default_factory=dict)


class _Body(Struct, frozen=True):
    error: ErrorShape


class ChatCraftError(Exception):
    """A refusal or failure, told apart by `code`."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after_ms: int | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms
        self.details = details or {}

    @property
    def is_retryable(self) -> bool:
        """Whether the same command, with the same ids, can be sent again."""
        return self.code in _RETRYABLE

    @classmethod
    def from_shape(cls, shape: ErrorShape) -> "ChatCraftError":
        return cls(shape.code, shape.message, retry_after_ms=shape.retry_after_ms, details=shape.details)

    @classmethod
    def from_http(cls, status: int, body: bytes) -> "ChatCraftError":
        """From a REST reply; what is not ours (a proxy's page) is `unavailable` or `bad_reply`."""
        try:
            return cls.from_shape(msgspec.json.decode(body, type=_Body).error)
        except msgspec.DecodeError:
            code = "unavailable" if status in {502, 503, 504} else BAD_REPLY
            return cls(code, f"HTTP {status} without an error of the protocol")


def disconnected() -> ChatCraftError:
    return ChatCraftError(DISCONNECTED, "the connection was lost before the reply")
