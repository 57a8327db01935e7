"""uvicorn's HTTP/1.1, except that a request's head must come in time and in size; also a handshake's.

Rides on internals of uvicorn 0.54 (tests/contract names what moved). Knows nothing of what is asked.
"""

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# uvicorn waits for ever, and keeps whatever comes. Browsers open sockets ahead: closing those is harmless.
_HEAD_MAX_S = 10.0
_HEAD_MAX_BYTES = 64 * 1024
_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedHeadProtocol(HttpToolsProtocol):
    """Set as uvicorn's `http` class."""

    head_max_s = _HEAD_MAX_S
    _timer: TimerHandle | None = None
    _is_in_head = True
    _head_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.head_max_s, self._refuse, _LATE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

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

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def _refuse(self, answer: bytes) -> None:
        self._stop_timer()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
