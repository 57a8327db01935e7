"""A transport with a queue of its own, for doors that can only be written to by awaiting.

The base of plain ASGI WebSockets and of Server-Sent Events. Knows frames, not what carries them.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine

from services.gateway.connection import Connection
from services.gateway.detach import UNSENT_MAX_BYTES, close_wait_s
from services.gateway.frames import split_frames
from services.gateway.outlet import QueueOutlet
from shared.contracts.close_codes import CloseCode

_UNSENT_RESUME_BYTES = 64 * 1024


class QueuedTransport(ABC):
    """Takes frames at once, sends them in order from one task; slow like a socket when too much waits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.outlet = QueueOutlet(self.write)
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._is_slow = False
        self._changed = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._given_up = asyncio.Event()

    @abstractmethod
    async def _send_payload(self, payload: bytes) -> None:
        """Send one frame's text; returns when the peer's side has taken it."""

    @abstractmethod
    async def _send_close(self, code: int, reason: str) -> None:
        """Tell the peer that it is over, and why."""

    @abstractmethod
    def ping(self) -> None: ...

    @abstractmethod
    def pause_reading(self) -> None: ...

    @abstractmethod
    def resume_reading(self) -> None: ...

    def write(self, frames: bytes) -> None:
        """Queue framed bytes; never waits."""
        self._unsent.append(frames)
        self._unsent_bytes += len(frames)
        self._changed.set()
        if self._unsent_bytes > UNSENT_MAX_BYTES and not self._is_slow:
            self._is_slow = True
            asyncio.get_running_loop().call_soon(self._connection.on_writing_paused)

    def close(self, code: int, reason: str = "") -> None:
        """Close once what is queued is sent, or once the peer has not taken it for too long."""
        if self._closing is None:
            self._closing = (code, reason)
            self._changed.set()
            asyncio.get_running_loop().call_later(close_wait_s(code), self._given_up.set)

    def abort(self) -> None:
        """Close without what is queued."""
        self._unsent.clear()
        self.close(CloseCode.GOING_AWAY)

    async def _carry(self, reading: Coroutine[object, object, None]) -> None:
        """Write, and read beside it, until either ends or is given up; then the connection is gone."""
        carrying = (self._write_until_closed(), reading, self._given_up.wait())
        tasks = [asyncio.ensure_future(each) for each in carrying]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._connection.on_closed()

    async def _write_until_closed(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._unsent:
                await self._send_frames(self._unsent.popleft())
            if self._closing is not None:
                code, reason = self._closing
                await self._send_close(int(code), reason)
                return

    async def _send_frames(self, frames: bytes) -> None:
        for payload in split_frames(frames):
            await self._send_payload(payload)
        self._unsent_bytes -= len(frames)
        if self._is_slow and self._unsent_bytes < _UNSENT_RESUME_BYTES:
            self._is_slow = False
            self._connection.on_writing_resumed()
