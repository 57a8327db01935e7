"""The WebSocket transport under any ASGI server: one task per connection, and a queue for what goes out.

The same `Connection` as on the detached socket; used where uvicorn's own protocol class is not.
"""

import asyncio
from collections import deque
from typing import Any

from services.gateway.connection import Connection
from services.gateway.detach import UNSENT_MAX_BYTES, UNSENT_RESUME_BYTES
from services.gateway.frames import split_frames
from shared.contracts.close_codes import CloseCode


class AsgiTransport:
    """Runs a connection over `receive` and `send` until either side closes."""

    def __init__(self, connection: Connection, receive: Any, send: Any, frame_bytes_max: int) -> None:
        self._connection = connection
        self._receive = receive
        self._send = send
        self._frame_bytes_max = frame_bytes_max
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._is_slow = False
        self._closing: tuple[int, str] | None = None
        self._changed = asyncio.Event()
        self._readable = asyncio.Event()
        self._readable.set()

    async def run(self) -> None:
        """Carry frames both ways until the connection is closed."""
        writer = asyncio.create_task(self._write_forever())
        reader = asyncio.create_task(self._read_forever())
        try:
            await asyncio.wait({writer, reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writer, reader):
                task.cancel()
            await asyncio.gather(writer, reader, return_exceptions=True)
            self._connection.on_closed()

    def write(self, frames: bytes) -> None:
        self._unsent.append(frames)
        self._unsent_bytes += len(frames)
        self._changed.set()
        if self._unsent_bytes > UNSENT_MAX_BYTES and not self._is_slow:
            self._is_slow = True
            asyncio.get_running_loop().call_soon(self._connection.on_writing_paused)

    def ping(self) -> None:
        """ASGI has no ping: the server's own keep-alive is in charge, so the peer counts as heard."""
        self._connection.on_heard()

    def pause_reading(self) -> None:
        self._readable.clear()

    def resume_reading(self) -> None:
        self._readable.set()

    def close(self, code: int, reason: str = "") -> None:
        if self._closing is None:
            self._closing = (code, reason)
            self._changed.set()

    def abort(self) -> None:
        self._unsent.clear()
        self.close(CloseCode.GOING_AWAY)

    async def _write_forever(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._unsent:
                frames = self._unsent.popleft()
                for payload in split_frames(frames):
                    await self._send({"type": "websocket.send", "text": payload.decode()})
                self._unsent_bytes -= len(frames)
                if self._is_slow and self._unsent_bytes < UNSENT_RESUME_BYTES:
                    self._is_slow = False
                    self._connection.on_writing_resumed()
            if self._closing is not None:
                code, reason = self._closing
                await self._send({"type": "websocket.close", "code": int(code), "reason": reason})
                return

    async def _read_forever(self) -> None:
        while True:
            await self._readable.wait()
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            self._connection.on_heard()
            text = message.get("text")
            if text is None:
                self.close(CloseCode.UNSUPPORTED_DATA, "this protocol is JSON text")
            elif len(data := text.encode()) > self._frame_bytes_max:
                self.close(CloseCode.TOO_BIG, "frame too big")
            elif self._closing is None:
                self._connection.on_text(data)
