"""uvicorn's HTTP/1.1, except that a head must come in time and in size, and an answer be taken.

`scope["extensions"][ABORT]` drops a request's socket: ASGI has no way out of a `send` that waits.

Rides on internals of uvicorn 0.54 (tests/contract names what moved). Knows nothing of what is asked.
"""

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.contracts.errors import ErrorCode
from shared.errors import ChatError

ABORT = "chatcraft.abort"
"""The extension of a request's scope that drops its socket with what is unsent: a close waits for that."""

# uvicorn waits for ever, and keeps whatever comes. Browsers open sockets ahead: closing those is harmless.
_HEAD_MAX_S = 10.0
_HEAD_MAX_BYTES = 64 * 1024
# Who takes less than 48 KB of an answer in so long is gone, or wants to cost a socket and a task.
_STALLED_MAX_S = 60.0


def _refusal(status: str, code: ErrorCode, message: str) -> bytes:
    body = ChatError(code, message).encode()
    lines = f"connection: close\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return f"HTTP/1.1 {status}\r\n{lines}\r\n\r\n".encode() + body


UNREADABLE = _refusal("400 Bad Request", ErrorCode.BAD_FRAME, "this is no HTTP request")
_LATE = _refusal("408 Request Timeout", ErrorCode.TIMEOUT, f"no request within {_HEAD_MAX_S:g} s")
_TOO_LARGE = _refusal("431 Request Header Fields Too Large", ErrorCode.TOO_LARGE, "the head is too large")
_NO_HOST = _refusal("400 Bad Request", ErrorCode.BAD_FRAME, "one Host header is needed")
_VERSION = _refusal("505 HTTP Version Not Supported", ErrorCode.BAD_FRAME, "WebSocket needs HTTP/1.1")


class BoundedHeadProtocol(HttpToolsProtocol):
    """Set as uvicorn's `http` class."""

    head_max_s = _HEAD_MAX_S
    stalled_max_s = _STALLED_MAX_S
    _timer: TimerHandle | None = None
    _stalled_timer: TimerHandle | None = None
    _is_in_head = True
    _head_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.head_max_s, self._refuse, _LATE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._stop_stalled_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled_timer = self.loop.call_later(self.stalled_max_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_stalled_timer()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > _HEAD_MAX_BYTES:
            self._refuse(_TOO_LARGE)
        elif self._timer is None:  # a later request of a kept connection
            self._timer = self.loop.call_later(self.head_max_s, self._refuse, _LATE)

    def on_message_begin(self) -> None:
        self._is_in_head = True
        self._head_bytes = 0
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: self.transport.abort}  # type: ignore[dict-item]  # not one of ASGI's own

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hold a handshake to what uvicorn hides from the WebSocket side (RFC 6455, section 4.2.1)."""
        if self.parser.get_http_version() != "1.1":
            self._refuse(_VERSION)
        elif sum(name == b"host" for name, _ in self.headers) != 1:
            self._refuse(_NO_HOST)
        else:
            super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words, in its own shape
        self._refuse(UNREADABLE)

    def _refuse(self, answer: bytes) -> None:
        self._stop_timer()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_stalled_timer(self) -> None:
        if self._stalled_timer is not None:
            self._stalled_timer.cancel()
            self._stalled_timer = None
