"""The WebSocket transport without a task: uvicorn's sans-I/O protocol, detached after the handshake.

The only file that depends on uvicorn's internals (0.54, pinned; tests/contract names what moved). Once the
endpoint has called `scope["extensions"][DETACH]`, frames go from `data_received` straight to the connection.
"""

from asyncio import TimerHandle
from typing import Protocol, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State

from services.gateway.frames import text_frame
from shared.contracts.close_codes import CloseCode

DETACH = "chatcraft.detach"

# Past this the kernel's and the peer's buffers are full and the reader is slow.
UNSENT_MAX_BYTES = 256 * 1024
UNSENT_RESUME_BYTES = 64 * 1024
_CLOSE_WAIT_S = 5.0


class _NeverTimer:
    """Stands for a closing under way: the base class closes the socket when the app returns without one."""

    def cancel(self) -> None: ...


_NEVER = cast("TimerHandle", _NeverTimer())


class SocketEvents(Protocol):
    """What a transport tells its connection. None of these may raise or block."""

    def on_text(self, data: bytes) -> None: ...
    def on_heard(self) -> None: ...
    def on_writing_paused(self) -> None: ...
    def on_writing_resumed(self) -> None: ...
    def on_closed(self) -> None: ...


class DetachableProtocol(WebSocketsSansIOProtocol):
    """Set as uvicorn's `ws` class; is itself the connection's Transport once detached."""

    _events: SocketEvents | None = None
    _parts: bytearray | None = None
    _is_binary = False

    # -- the ASGI part of its life -------------------------------------------------

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        scope = getattr(self, "scope", None)
        if scope is not None:
            scope["extensions"][DETACH] = self._detach

    def _detach(self, events: SocketEvents) -> "DetachableProtocol":
        """Called by the endpoint after `websocket.accept`, without awaiting in between."""
        self._events = events
        self.close_timer = _NEVER
        self.transport.set_write_buffer_limits(UNSENT_MAX_BYTES, UNSENT_RESUME_BYTES)
        return self

    async def run_asgi(self) -> None:
        await super().run_asgi()
        if self._events is None:
            return
        if self.close_timer is _NEVER:
            self.close_timer = None
        while not self.queue.empty():  # what came right behind the handshake
            message = self.queue.get_nowait()
            if message["type"] == "websocket.receive":
                self._events.on_text((message.get("text") or "").encode())
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        for name in ("scope", "queue", "request", "response", "app_state", "app", "writable"):
            self.__dict__.pop(name, None)

    # -- the detached part: bytes in -----------------------------------------------

    def data_received(self, data: bytes) -> None:
        events = self._events
        if events is None:
            super().data_received(data)
            return
        events.on_heard()
        conn = self.conn
        conn.receive_data(data)
        for event in conn.events_received():
            self._on_frame(events, cast("Frame", event))
        if output := conn.data_to_send():
            self.transport.write(b"".join(output))
        if conn.close_rcvd is not None:
            self._finish()
        elif conn.parser_exc is not None:
            self._linger()

    def _on_frame(self, events: SocketEvents, frame: Frame) -> None:
        if self.close_sent or frame.opcode in {Opcode.PING, Opcode.PONG, Opcode.CLOSE}:
            return
        if frame.opcode is not Opcode.CONT:
            self._is_binary = frame.opcode is Opcode.BINARY
        if not frame.fin:
            self._parts = (self._parts or bytearray()) + frame.data
            return
        data = bytes(frame.data) if self._parts is None else bytes(self._parts + frame.data)
        self._parts = None
        if self._is_binary:
            self.close(CloseCode.UNSUPPORTED_DATA, "this protocol is JSON text")
            return
        try:
            data.decode()
        except UnicodeDecodeError:
            self.close(CloseCode.INVALID_DATA, "text is not UTF-8")
            return
        events.on_text(data)

    def eof_received(self) -> None:
        if self._events is not None:
            self.conn.receive_eof()

    def pause_writing(self) -> None:
        if self._events is None:
            super().pause_writing()
        else:  # not at once: the writer may be walking over the subscribers just now
            self.loop.call_soon(self._events.on_writing_paused)

    def resume_writing(self) -> None:
        if self._events is None:
            super().resume_writing()
        else:
            self.loop.call_soon(self._events.on_writing_resumed)

    def connection_lost(self, exc: Exception | None) -> None:
        events = self._events
        if events is None:
            super().connection_lost(exc)
            return
        self.connections.discard(self)
        self.disconnected = self.handshake_complete = True
        if self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = None
        events.on_closed()

    def shutdown(self) -> None:
        if self._events is None:
            super().shutdown()
        else:
            self.close(CloseCode.DRAINING, "server stops")

    # -- the detached part: bytes out (the Transport of services/gateway/connection.py) --------

    def write(self, frames: bytes) -> None:
        """Write framed bytes; never waits."""
        self.transport.write(frames)

    def send_text(self, payload: bytes) -> None:
        """Frame and write one text message."""
        self.transport.write(text_frame(payload))

    def ping(self) -> None:
        if self.conn.state is State.OPEN:
            self.conn.send_ping(b"")
            self.transport.write(b"".join(self.conn.data_to_send()))

    def pause_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def close(self, code: int, reason: str = "") -> None:
        """Start the closing handshake; the socket goes when the peer answers, or after a moment."""
        if self.close_sent or self.conn.state is not State.OPEN:
            return
        self.close_sent = True
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.resume_reading()
        self._linger()

    def abort(self) -> None:
        """Drop the socket and whatever is unsent."""
        self.transport.abort()

    def _finish(self) -> None:
        """Both close frames are out: the server closes the socket first (RFC 6455, section 7.1.1)."""
        self.close_sent = True
        self.transport.close()
        self._linger()

    def _linger(self) -> None:
        """Wait for the peer's end a moment: closing with bytes unread would destroy our close frame."""
        self.close_sent = True
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(_CLOSE_WAIT_S, self.transport.abort)
