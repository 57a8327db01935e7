"""Sockets of the load tool: picows in C, one listener each, many source addresses.

A listener reads as little of a frame as it can: the generator must not be what is measured.
"""

import asyncio
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
from msgspec import Raw, Struct
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

# Beyond 28,000 sockets one source address runs out of ports; spread them long before.
_SOCKETS_PER_ADDRESS = 5_000
_opened = count()


class _Named(Struct):
    id: str = ""


class Frame(Struct):
    """What is read of a frame: a reply's ref, or an event's name, room and the id of its `d`."""

    ref: int = 0
    ev: str = ""
    room_id: str = ""
    d: _Named | None = None
    ok: Raw = Raw()
    error: Raw = Raw()


_decode = msgspec.json.Decoder(Frame).decode
OnEvent = Callable[["LoadSocket", Frame, float], None]


class LoadSocket(WSListener):  # type: ignore[misc]  # picows is compiled and untyped
    """One synced connection."""

    def __init__(self, on_event: OnEvent) -> None:
        self.transport: WSTransport
        self.is_open = False
        self.replies: dict[int, asyncio.Future[Frame]] = {}
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_event = on_event
        self._ref = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.is_open = True

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        self.is_open = False
        for reply in self.replies.values():
            if not reply.done():
                reply.set_exception(ConnectionError("the server closed the socket"))

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is not WSMsgType.TEXT:
            return
        received = _decode(frame.get_payload_as_memoryview())
        if received.ref:
            reply = self.replies.pop(received.ref, None)
            if reply is not None and not reply.done():
                reply.set_result(received)
        elif received.ev == "ready":
            self.ready.set_result(None)
        else:
            self._on_event(self, received, time.perf_counter())

    async def call(self, op: str, d: dict[str, Any]) -> Frame:
        """Send a command and return its reply, which may be an error."""
        self._ref += 1
        reply = self.replies[self._ref] = asyncio.get_running_loop().create_future()
        self.transport.send(WSMsgType.TEXT, msgspec.json.encode({"op": op, "ref": self._ref, "d": d}))
        return await reply

    def close(self) -> None:
        if self.is_open:
            self.transport.disconnect()


async def open_socket(url: str, token: str, on_event: OnEvent) -> LoadSocket:
    """Connect, wait for `ready`, sync."""
    source = f"127.0.0.{2 + next(_opened) // _SOCKETS_PER_ADDRESS}"
    _, listener = await ws_connect(
        lambda: LoadSocket(on_event),
        url.replace("http", "ws", 1) + "/ws",
        extra_headers={"Authorization": f"Bearer {token}"},
        local_addr=(source, 0),
    )
    await asyncio.wait_for(listener.ready, 30)
    synced = await listener.call("sync", {"rooms": {}})
    assert synced.ok, bytes(synced.error)
    return listener
