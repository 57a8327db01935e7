"""The WebSocket transport without a task: uvicorn's sans-I/O protocol, detached after the handshake.

Depends on uvicorn's internals (0.54, pinned; tests/contract names what moved). Once the endpoint has
called `scope["extensions"][DETACH]`, frames go from `data_received` straight to the connection.
"""

import asyncio
from asyncio import TimerHandle
from typing import Any, ClassVar, Protocol, cast

from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CTRL_OPCODES, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State

from services.gateway.compression import Deflater, SharedDeflateFactory
from services.gateway.outlet import QueueOutlet, SocketOutlet
from services.gateway.request_head import UNREADABLE
from services.gateway.strict_core import StrictProtocol
from shared.contracts.close_codes import CloseCode

DETACH = "chatcraft.detach"

# Past this the kernel's and the peer's buffers are full and the reader is slow.
UNSENT_MAX_BYTES = 256 * 1024
_CLOSE_WAIT_S = 5.0
# Who left data unread for 30 s finds their close code behind it, if they come back before they have
# been gone for as long as anybody may be silent.
_UNREAD_CLOSE_WAIT_S = 13.0

# Frames that bring no command: pings, pongs, pieces of a message. The largest message in pieces of 64
# bytes stays below this; whoever sends more of them keeps the node from its other readers.
_BARE_FRAMES_MAX = 5_000
_BARE_FRAMES_WINDOW_S = 10.0
# Parsed at a time, so that such a flood is noticed within its first read of 256 KiB.
_PARSED_BYTES_MAX = 16 * 1024


# What is left of the base class's attributes after the handshake, and our own: 7 KB less each.
_KEPT = (
    "transport", "loop", "conn", "connections", "tasks", "config", "logger", "close_timer", "close_sent",
    "disconnected", "handshake_complete", "handshake_initiated", "_events", "_parts", "_is_binary",
    "_is_plain", "_is_finished", "_is_held", "_is_slow", "_bare_frames", "_bare_since_s", "outlet",
)  # fmt: skip


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


class _Gone:
    """Hears nothing any more."""

    def on_text(self, data: bytes) -> None: ...
    def on_heard(self) -> None: ...
    def on_writing_paused(self) -> None: ...
    def on_writing_resumed(self) -> None: ...
    def on_closed(self) -> None: ...


_GONE = _Gone()
_NOWHERE = QueueOutlet(lambda _frames: None)


class DetachableProtocol(WebSocketsSansIOProtocol):
    """Set as uvicorn's `ws` class; is itself the connection's Transport once detached."""

    _deflater: ClassVar[Deflater] = Deflater()
    _deflate_factory: ClassVar[SharedDeflateFactory] = SharedDeflateFactory()

    outlet: SocketOutlet | QueueOutlet = _NOWHERE
    _events: SocketEvents | None = None
    _parts: bytearray | None = None
    _is_binary = False
    _is_plain = False
    """Whether frames are written as they are: it is open, and not compressed."""
    _is_finished = False
    _is_held = False
    """Whether something waits in the transport."""
    _is_slow = False
    """Whether too much did, and something still does."""
    _bare_frames = 0
    _bare_since_s = 0.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        extensions = [self._deflate_factory] if config.ws_per_message_deflate else []
        self.conn = StrictProtocol(extensions, config.ws_max_size, self.logger)

    # -- the ASGI part of its life -------------------------------------------------

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        scope = getattr(self, "scope", None)
        if scope is not None:
            scope["extensions"][DETACH] = self._detach
            # A client waits for our answer before it sends on (RFC 6455, section 4.1); what comes
            # nevertheless waits in the kernel.
            self.transport.pause_reading()

    def _detach(self, events: SocketEvents) -> "DetachableProtocol":
        """Called by the endpoint after `websocket.accept`, without awaiting in between."""
        self._events = events
        self._is_plain = not self.conn.extensions
        self.close_timer = _NEVER
        self.outlet = self._make_outlet()  # before the limits: something may wait already
        # It says so whenever anything waits, and when nothing does any more.
        self.transport.set_write_buffer_limits(0, 0)
        return self

    def _make_outlet(self) -> SocketOutlet | QueueOutlet:
        if not self._is_plain or self.transport.get_extra_info("sslcontext") is not None:
            return QueueOutlet(self.write)
        return SocketOutlet(self.transport.get_extra_info("socket").fileno(), self.write)

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # or uvicorn logs an error for every handshake that is refused

    async def run_asgi(self) -> None:
        await super().run_asgi()
        if self._events is None:
            return
        if self.close_timer is _NEVER:
            self.close_timer = None
        if self.close_sent:  # closed as soon as it was opened
            self._linger()
        self.resume_reading()
        self.request.headers.clear()  # the parser of the handshake is still there, and holds the request
        self.__dict__ = {name: self.__dict__[name] for name in _KEPT if name in self.__dict__}

    # -- the detached part: bytes in -----------------------------------------------

    def data_received(self, data: bytes) -> None:
        events = self._events
        if events is None:
            super().data_received(data)
            if self.conn.handshake_exc is not None and not self.handshake_initiated:
                self.transport.write(b"".join(self.conn.data_to_send()) or UNREADABLE)
                self.transport.close()
            return
        events.on_heard()
        if len(data) <= _PARSED_BYTES_MAX:
            self._parse(events, data)
            return
        for start in range(0, len(data), _PARSED_BYTES_MAX):
            self._parse(events, data[start : start + _PARSED_BYTES_MAX])

    def _parse(self, events: SocketEvents, data: bytes) -> None:
        conn = self.conn
        conn.receive_data(data)
        for event in conn.events_received():
            self._on_frame(events, cast("Frame", event))
        if output := conn.data_to_send():
            self.transport.write(b"".join(output))
        if conn.eof_sent:
            self._finish()

    def _on_frame(self, events: SocketEvents, frame: Frame) -> None:
        if self.close_sent or frame.opcode in CTRL_OPCODES:
            self._note_bare_frame()
            return
        if frame.opcode is not Opcode.CONT:
            self._is_binary = frame.opcode is Opcode.BINARY
        if frame.fin and self._parts is None:
            self._on_message(events, bytes(frame.data))
            return
        if self._parts is None:
            self._parts = bytearray()
        self._parts += frame.data
        if frame.fin:
            data, self._parts = bytes(self._parts), None
            self._on_message(events, data)
        else:
            self._note_bare_frame()

    def _on_message(self, events: SocketEvents, data: bytes) -> None:
        if self._is_binary:
            self._fail(CloseCode.UNSUPPORTED_DATA, "this protocol is JSON text")
        elif len(data) > self.config.ws_max_size:
            self._fail(CloseCode.TOO_BIG, "frame too big")
        elif not _is_utf8(data):
            self._fail(CloseCode.INVALID_DATA, "text is not UTF-8")
        else:
            events.on_text(data)

    def _note_bare_frame(self) -> None:
        now_s = self.loop.time()
        if now_s - self._bare_since_s > _BARE_FRAMES_WINDOW_S:
            self._bare_since_s, self._bare_frames = now_s, 0
        self._bare_frames += 1
        if self._bare_frames > _BARE_FRAMES_MAX:
            self._fail(CloseCode.RATE_LIMITED, "too many frames without a command")

    def eof_received(self) -> None:
        """A peer that ends its half has closed the connection; what is unsent has a moment left."""
        if self._events is not None:
            self.conn.receive_eof()
            self._is_finished = True
            self._linger()

    def pause_writing(self) -> None:
        if self._events is None:
            super().pause_writing()
            return
        self._is_held = True
        self.outlet.shut()

    def resume_writing(self) -> None:
        events = self._events
        if events is None:
            super().resume_writing()
            return
        self._is_held = False
        if self._is_plain:
            self.outlet.open()
        if self._is_slow:
            self._is_slow = False
            self.loop.call_soon(events.on_writing_resumed)

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
        self.outlet.shut()
        # Connection, outlet and protocol hold each other: the collector runs seldom.
        self.outlet, self._events = _NOWHERE, _GONE
        events.on_closed()

    def shutdown(self) -> None:
        if self._events is None:
            super().shutdown()
        else:
            self.close(CloseCode.DRAINING, "server stops")

    # -- the detached part: bytes out (the Transport of services/gateway/connection.py) --------

    def write(self, frames: bytes) -> None:
        """Write framed bytes; never waits. After the close frame nothing is sent (section 5.5.1)."""
        if self._is_plain:
            self._put(frames)
        elif not self.close_sent:
            self._put(self._deflater.deflate(frames))

    def _put(self, data: bytes) -> None:
        self.transport.write(data)
        if self._is_held and not self._is_slow and self.transport.get_write_buffer_size() > UNSENT_MAX_BYTES:
            self._is_slow = True
            # Not at once: the writer may be walking over the subscribers just now.
            self.loop.call_soon(cast("SocketEvents", self._events).on_writing_paused)

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
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.resume_reading()
        self._linger(close_wait_s(code))

    def abort(self) -> None:
        """Drop the socket and whatever is unsent."""
        self.transport.abort()

    def _fail(self, code: int, reason: str) -> None:
        """Send a close frame and take nothing further from the peer (section 7.1.7)."""
        self.conn.fail(code, reason)
        self.close_sent = True

    def _finish(self) -> None:
        """End our half after the last frame, and wait for the peer to end its own (section 7.1.1).

        Closing with bytes unread would reset the connection and destroy our close frame.
        """
        if self._is_finished:
            return
        self._is_finished = True
        self._linger()
        self.resume_reading()
        if not self.transport.is_closing() and self.transport.can_write_eof():
            self.transport.write_eof()

    def _linger(self, wait_s: float = _CLOSE_WAIT_S) -> None:
        """Wait for the peer's end a moment."""
        self.close_sent = True
        if self._is_plain:
            self._is_plain = False
            self.outlet.shut()
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(wait_s, self.transport.abort)


def close_wait_s(code: int) -> float:
    """Return for how long a close waits to be taken by the peer."""
    return _UNREAD_CLOSE_WAIT_S if code == CloseCode.SLOW_CONSUMER else _CLOSE_WAIT_S


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
