"""The WebSocket transport under any ASGI server: two tasks per connection, and a queue for what goes out.

The same `Connection` as on the detached socket; used where uvicorn's own protocol class is not.
"""

import asyncio
from typing import Any

from services.gateway.connection import Connection
from services.gateway.queued_transport import QueuedTransport
from shared.contracts.close_codes import CloseCode


class AsgiTransport(QueuedTransport):
    """Runs a connection over `receive` and `send` until either side closes."""

    def __init__(self, connection: Connection, receive: Any, send: Any, frame_bytes_max: int) -> None:
        super().__init__(connection)
        self._receive = receive
        self._send = send
        self._frame_bytes_max = frame_bytes_max
        self._readable = asyncio.Event()
        self._readable.set()

    async def run(self) -> None:
        """Carry frames both ways until the connection is closed."""
        await self._carry(self._read_until_gone())

    def ping(self) -> None:
        """ASGI has no ping: the server's own keep-alive is in charge, so the peer counts as heard."""
        self._connection.on_heard()

    def pause_reading(self) -> None:
        self._readable.clear()

    def resume_reading(self) -> None:
        self._readable.set()

    async def _send_payload(self, payload: bytes) -> None:
        await self._send({"type": "websocket.send", "text": payload.decode()})

    async def _send_close(self, code: int, reason: str) -> None:
        await self._send({"type": "websocket.close", "code": code, "reason": reason})

    async def _read_until_gone(self) -> None:
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
