"""The `websockets` sans-I/O core, made strict where RFC 6455 is and it is not. Used by detach.py alone.

Rides on internals of websockets 17 (tests/contract names what moved). Does no I/O.
"""

from collections.abc import Generator, Iterable

from websockets.exceptions import InvalidHeader, ProtocolError
from websockets.extensions import ServerExtensionFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.streams import StreamReader
from websockets.typing import LoggerLike, StatusLike

from shared.contracts.errors import ErrorCode
from shared.errors import ChatError

# RFC 6455, section 5.5: control frames are never longer.
CONTROL_BYTES_MAX = 125

_FIN = 0x80
_RSV2_RSV3 = 0x30
_IS_CONTROL = 0x08
_LENGTH_BITS = 0x7F

# Below these a length had a shorter form (section 5.2), by the bytes that were used for it.
_SHORTEST = {2: 126, 8: 0x10000}
_LENGTH_64_MAX = 2**63 - 1
_VERSION_HEADER = "Sec-WebSocket-Version"
_REFUSED = {403: ErrorCode.FORBIDDEN, 500: ErrorCode.INTERNAL}


# What `Frame.parse` reads of a frame, in this order, the length only if it is a long one.
_HEAD, _LENGTH, _MASK, _PAYLOAD = range(4)


class _StrictReader(StreamReader):
    """Judges every frame by its head, before its payload is waited for."""

    _step = _HEAD

    def read_exact(self, n: int) -> Generator[None, None, bytearray]:
        if len(self.buffer) < n:
            data = yield from super().read_exact(n)
        else:  # nearly always; a generator within a generator would cost 0.3 µs a frame
            data = self.buffer[:n]
            del self.buffer[:n]
        step = self._step
        if step == _HEAD:
            self._step = _judge_head(data[0], data[1])
        elif step == _LENGTH:
            _judge_length(data)
            self._step = _MASK
        else:
            self._step = _PAYLOAD if step == _MASK else _HEAD
        return data


def _judge_head(first: int, second: int) -> int:
    """Return what is read next. Raises ProtocolError (RFC 6455, sections 5.2 and 5.5)."""
    length = second & _LENGTH_BITS
    if first & _RSV2_RSV3:
        raise ProtocolError("reserved bits must be 0")
    if first & _IS_CONTROL:
        if not first & _FIN:
            raise ProtocolError("fragmented control frame")
        if length > CONTROL_BYTES_MAX:
            raise ProtocolError("control frame too long")
    return _LENGTH if length > CONTROL_BYTES_MAX else _MASK


def _judge_length(data: bytearray) -> None:
    length = int.from_bytes(data)
    if length < _SHORTEST[len(data)]:
        raise ProtocolError("length not in its shortest form")
    if length > _LENGTH_64_MAX:
        raise ProtocolError("the first bit of a length must be 0")


class StrictProtocol(ServerProtocol):
    """The server's side of one connection. `message_bytes_max` is left to the caller to hold to exactly."""

    def __init__(
        self, extensions: Iterable[ServerExtensionFactory], message_bytes_max: int, logger: LoggerLike
    ) -> None:
        # The core counts what a message has left against control frames too, and they may stand within it.
        super().__init__(
            extensions=list(extensions), max_size=message_bytes_max + CONTROL_BYTES_MAX, logger=logger
        )

    def parse(self) -> Generator[None]:
        self.reader = _StrictReader()
        return super().parse()

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None  # a close may stand within a fragmented message, as any control frame
        super().recv_frame(frame)

    def accept(self, request: Request) -> Response:
        """Answer a handshake; one of another version learns which is spoken here (section 4.2.2)."""
        response = super().accept(request)
        refused = self.handshake_exc
        if isinstance(refused, InvalidHeader) and refused.name == _VERSION_HEADER:
            response.status_code, response.reason_phrase = 426, "Upgrade Required"
            response.headers["Upgrade"] = "websocket"
            response.headers[_VERSION_HEADER] = "13"
        return response

    def reject(self, status: StatusLike, text: str) -> Response:
        """Refuse a handshake in the one shape that errors have here."""
        response = super().reject(status, text)
        code = _REFUSED.get(response.status_code, ErrorCode.BAD_FRAME)
        response.body = ChatError(code, " ".join(text.split()) or response.reason_phrase).encode()
        for name, value in (("Content-Length", len(response.body)), ("Content-Type", "application/json")):
            del response.headers[name]
            response.headers[name] = str(value)
        return response
