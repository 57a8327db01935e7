"""One socket from handshake to close: commands and their replies, events in the order of the wire.

Made by the session for each connection anew. Knows frames and refs, no rooms and no reconnecting.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from chatcraft_client.errors import ChatCraftError, disconnected
from chatcraft_client.frames import Event, Frame, decode_frame, encode_command, to_event
from chatcraft_client.rest import decode_reply
from shared.contracts.events import Draining, Ready
from shared.contracts.registry import Command, Rep, Req

_SUBPROTOCOL = Subprotocol("chatcraft.v1")
_OPEN_TIMEOUT_S = 10
_CLOSE_TIMEOUT_S = 5
# Above the server's own 10 s, so that its `timeout` normally arrives first.
REPLY_TIMEOUT_S = 12.0

Settle = Callable[[Frame], None]


class Connection:
    """`run` reads until the end; `call` works meanwhile."""

    def __init__(self, socket: ClientConnection, on_event: Callable[[Event], None]) -> None:
        self._socket = socket
        self._on_event = on_event
        self._last_ref = 0
        self._waiting: dict[int, tuple[asyncio.Future[Any], Settle]] = {}
        self.ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        self.drain_ms: int | None = None
        self.is_closed = False

    @classmethod
    async def open(cls, url: str, access_token: str, on_event: Callable[[Event], None]) -> "Connection":
        """Shake hands with the node at `url` (http or https); raises what websockets raises."""
        socket = await websockets.connect(
            url.replace("http", "ws", 1) + "/ws",
            subprotocols=[_SUBPROTOCOL],
            additional_headers={"Authorization": f"Bearer {access_token}"},
            compression=None,
            proxy=None,
            max_size=None,
            open_timeout=_OPEN_TIMEOUT_S,
            close_timeout=_CLOSE_TIMEOUT_S,
        )
        return cls(socket, on_event)

    async def run(self) -> int | None:
        """Read until the connection ends; return the server's close code, None if it just broke."""
        try:
            while True:
                self._on_frame(await self._socket.recv(decode=False))
        except websockets.ConnectionClosed as exc:
            return exc.rcvd.code if exc.rcvd else None
        finally:
            self._abandon()

    async def call(
        self,
        command: Command[Req, Rep],
        request: Req,
        *,
        timeout_s: float = REPLY_TIMEOUT_S,
        apply: Callable[[Rep], None] | None = None,
    ) -> Rep:
        """Send a command and wait for its reply; raises ChatCraftError.

        `apply` is given the reply before any later frame is read: for what must keep the wire's order.
        """
        if self.is_closed:
            raise disconnected()
        self._last_ref += 1
        ref = self._last_ref
        future: asyncio.Future[Rep] = asyncio.get_running_loop().create_future()
        self._waiting[ref] = (future, _settle(future, command, apply))
        try:
            async with asyncio.timeout(timeout_s):
                await self._socket.send(encode_command(command.name, ref, request), text=True)
                return await future
        except TimeoutError as exc:
            raise ChatCraftError("timeout", f"no reply to {command.name} within {timeout_s:g} s") from exc
        except websockets.ConnectionClosed as exc:
            raise disconnected() from exc
        finally:
            self._waiting.pop(ref, None)
            if future.done() and not future.cancelled():
                future.exception()  # seen: it may have been set while sending failed

    async def close(self) -> None:
        """Say goodbye; what waits for a reply gets `disconnected`."""
        await self._socket.close()
        self._abandon()

    def cut(self) -> None:
        """Break the connection without a word, as a dying network does."""
        self._socket.transport.abort()

    def _on_frame(self, raw: bytes) -> None:
        frame = decode_frame(raw)
        if frame.ref is not None:
            if waiting := self._waiting.pop(frame.ref, None):
                waiting[1](frame)
            return
        event = to_event(frame)
        match event.data:
            case Ready() as ready if not self.ready.done():
                self.ready.set_result(ready)
            case Draining(retry_after_ms=drain_ms):
                self.drain_ms = drain_ms
        self._on_event(event)

    def _abandon(self) -> None:
        self.is_closed = True
        waiting, self._waiting = self._waiting, {}
        for future, _settle_it in waiting.values():
            if not future.done():
                future.set_exception(disconnected())
        if not self.ready.done():
            self.ready.cancel()


def _settle(
    future: asyncio.Future[Rep], command: Command[Req, Rep], apply: Callable[[Rep], None] | None
) -> Settle:
    def settle(frame: Frame) -> None:
        if future.done():
            return
        if frame.error is not None:
            future.set_exception(ChatCraftError.from_shape(frame.error))
            return
        try:
            reply = decode_reply(command.reply, frame.ok)
        except ChatCraftError as exc:
            future.set_exception(exc)
            return
        if apply is not None:
            apply(reply)
        future.set_result(reply)

    return settle
