"""The client's side of RFC 6455, as little of it as a load generator needs. Pure: bytes in, bytes out."""

import base64
import os
import struct

TEXT, CLOSE, PING = 0x1, 0x8, 0x9
PING_BYTES = b"\x89\x00"
# A mask of zeros is a mask (section 5.3), and spares the generator the work.
_MASK = b"\0\0\0\0"
PONG = b"\x8a\x80" + _MASK
# A close without a code answers any.
CLOSED = b"\x88\x80" + _MASK
_MASKED = 0x80
_LENGTH_16, _LENGTH_64 = 126, 127


def handshake(host: str, path: str, headers: dict[str, str]) -> bytes:
    """Return the opening request."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def text_frame(payload: bytes) -> bytes:
    """Return one masked, final text frame."""
    length = len(payload)
    if length < _LENGTH_16:
        return bytes((0x81, _MASKED | length)) + _MASK + payload
    if length <= 0xFFFF:
        return struct.pack("!BBH", 0x81, _MASKED | _LENGTH_16, length) + _MASK + payload
    return struct.pack("!BBQ", 0x81, _MASKED | _LENGTH_64, length) + _MASK + payload


class FrameReader:
    """Cuts a server's bytes into whole frames. Servers measured here never fragment a message."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return (opcode, payload) of each frame that is complete now."""
        data = self._rest + data
        frames, start = [], 0
        while (head := _read_head(data, start)) is not None:
            begin, end = head
            if end > len(data):
                break
            frames.append((data[start] & 0x0F, data[begin:end]))
            start = end
        self._rest = data[start:]
        return frames


def _read_head(data: bytes, start: int) -> tuple[int, int] | None:
    """Return where the payload of the frame at `start` begins and ends, if its head is complete."""
    if len(data) < start + 2:
        return None
    length, begin = data[start + 1], start + 2
    if length in {_LENGTH_16, _LENGTH_64}:
        size = 2 if length == _LENGTH_16 else 8
        if len(data) < begin + size:
            return None
        length, begin = int.from_bytes(data[begin : begin + size]), begin + size
    return begin, begin + length
