"""A WebSocket client made of bytes: it sends what RFC 6455 forbids and shows exactly what came back."""

import asyncio
import base64
import hashlib
import json
import os
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.wire import Person

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, RSV1, RSV2, RSV3, MASKED = 0x80, 0x40, 0x20, 0x10, 0x80
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
WAIT_S = 30.0


class Received(NamedTuple):
    """A frame as it came: the first byte, and the payload."""

    first: int
    payload: bytes

    @property
    def opcode(self) -> int:
        return self.first & 0x0F

    @property
    def text(self) -> bytes:
        """The payload, inflated if it was deflated (RFC 7692, section 7.2.2)."""
        if not self.first & RSV1:
            return self.payload
        return zlib.decompress(self.payload + b"\x00\x00\xff\xff\x03\x00", wbits=-12)

    @property
    def code(self) -> int | None:
        return int.from_bytes(self.payload[:2]) if len(self.payload) >= 2 else None


def head(first: int, length: int, *, width: int | None = None, masked: bool = True) -> bytes:
    """The head of a frame without its mask. `width`: the bytes of the length, the shortest if None."""
    if width is None:
        width = 0 if length < 126 else 2 if length < 65_536 else 8
    code = {0: length, 2: 126, 8: 127}[width]
    return bytes((first, code | (MASKED if masked else 0))) + (length.to_bytes(width) if width else b"")


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, width: int | None = None):
    """A masked frame; the mask is one byte's worth of noise, repeated."""
    mask = os.urandom(1) * 4
    masked = payload.translate(bytes(each ^ mask[0] for each in range(256)))
    return head(opcode | rsv | FIN * fin, len(payload), width=width) + mask + masked


def unmasked(opcode: int, payload: bytes) -> bytes:
    return head(opcode | FIN, len(payload), masked=False) + payload


def fragments(*pieces: bytes, opcode: int = TEXT) -> list[bytes]:
    """One message in several frames."""
    last = len(pieces) - 1
    return [frame(CONT if at else opcode, piece, fin=at == last) for at, piece in enumerate(pieces)]


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, code.to_bytes(2) + reason)


def command(ref: int, bytes_total: int = 0) -> bytes:
    """A command that is answered at once, padded with white space to a length."""
    return json.dumps({"op": "users.me", "ref": ref, "d": {}}).encode().ljust(bytes_total)


def handshake(
    host: str, lines: dict[str, str | None] | None = None, start: str = "GET /ws HTTP/1.1"
) -> bytes:
    """An opening handshake; `lines` replaces or (None) removes header lines."""
    headers: dict[str, str | None] = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    } | (lines or {})
    shown = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([start, *shown, "", ""]).encode("latin-1")


class RawSocket:
    """One TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.answer = b""

    def send(self, *pieces: bytes) -> None:
        self.writer.write(b"".join(pieces))

    async def read_head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers (names in lower case) of the HTTP answer."""
        async with asyncio.timeout(WAIT_S):
            status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(status.split()[1]), headers

    async def read_frame(self) -> Received | None:
        """Return the next frame, None at the end of the stream; checks what servers must keep."""
        async with asyncio.timeout(WAIT_S):
            try:
                first, second = await self.reader.readexactly(2)
                assert not second & MASKED, "a server must not mask (section 5.1)"
                width = {126: 2, 127: 8}.get(second, 0)
                length = int.from_bytes(await self.reader.readexactly(width)) if width else second
                return Received(first, await self.reader.readexactly(length))
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return None

    async def read_all(self) -> list[Received]:
        """Return every frame up to the end of the stream."""
        received = []
        while (each := await self.read_frame()) is not None:
            received.append(each)
        return received

    async def read_reply(self, ref: int) -> dict[str, Any]:
        """Return the answer to a command; other frames are passed over."""
        while (each := await self.read_frame()) is not None:
            assert each.opcode in {TEXT, PING, PONG}, f"closed with {each.code} {each.payload!r}"
            if each.opcode == TEXT and (found := json.loads(each.text)).get("ref") == ref:
                return found
        raise AssertionError("the connection ended before the reply came")

    async def is_alive(self, ref: int = 2**40) -> bool:
        """Whether it still answers commands."""
        self.send(frame(TEXT, command(ref)))
        return bool(await self.read_reply(ref))


@asynccontextmanager
async def open_tcp(url: str) -> AsyncIterator[RawSocket]:
    """Open a TCP connection to a gateway and say nothing."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield RawSocket(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def open_raw(person: Person, **lines: str) -> AsyncIterator[RawSocket]:
    """Open a socket, past the handshake and `ready`."""
    extra = {name.replace("_", "-"): value for name, value in lines.items()}
    async with open_tcp(person.url) as raw:
        authorization = {"Authorization": f"Bearer {person.token}"}
        raw.send(handshake(urlsplit(person.url).netloc, authorization | extra))
        status, headers = await raw.read_head()
        assert status == 101
        expected = base64.b64encode(hashlib.sha1(b"dGhlIHNhbXBsZSBub25jZQ==" + GUID.encode()).digest())
        assert headers["sec-websocket-accept"] == expected.decode()
        raw.answer = headers.get("sec-websocket-extensions", "").encode()
        ready = await raw.read_frame()
        assert ready is not None
        yield raw
