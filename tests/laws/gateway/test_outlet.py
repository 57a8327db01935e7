"""The law of one socket: whatever way frames took, they arrive whole, once, and in the order written.

Events go past the transport (`services/gateway/outlet.py`), replies through it; buffers are small and the
reader takes its time, so that the one has to wait for the other in the midst of a frame.
"""

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.frames import text_frame
from services.gateway.outlet import SocketOutlet, fan_out
from tests.transports import RecordingNode, serving

_BUFFER_BYTES = 4_096
_UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

SIZES = st.one_of(st.integers(1, 2_000), st.integers(2_000, 60_000))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), SIZES),
        st.tuples(st.just("reply"), SIZES),
        st.tuples(st.just("ping"), st.just(0)),
        st.tuples(st.just("read"), st.integers(1, 100_000)),
        st.tuples(st.just("turn"), st.integers(1, 3)),
    ),
    min_size=10,
    max_size=80,
)


class Reader:
    """A client that reads when it is told."""

    def __init__(self) -> None:
        self.data = b""
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.setblocking(False)

    async def open(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, ("127.0.0.1", port))
        await loop.sock_sendall(self._socket, _UPGRADE)
        while b"\r\n\r\n" not in self.data:
            self.data += await loop.sock_recv(self._socket, 1)
        self.data = b""

    def read(self, size: int) -> None:
        """Read what is there, at most so much."""
        end = len(self.data) + size
        try:
            while part := self._socket.recv(min(end - len(self.data), 65_536)):
                self.data += part
        except BlockingIOError:
            pass

    async def read_until(self, size: int) -> None:
        async with asyncio.timeout(30):
            while len(self.data) < size:
                self.data += await asyncio.get_running_loop().sock_recv(self._socket, 65_536)

    def close(self) -> None:
        self._socket.close()


async def take(node: RecordingNode, reader: Reader, steps: list[tuple[str, int]]) -> bytes:
    """Do the steps; returns the bytes that were written."""
    connection, written = node.connection, []
    for number, (step, size) in enumerate(steps):
        frame = text_frame(b"%d:" % number + b"x" * size)
        match step:
            case "event":
                fan_out([connection.outlet], frame)
            case "reply":
                connection.write(frame)
            case "ping":
                connection.ping()
                frame = b"\x89\x00"
            case "read":
                reader.read(size)
                continue
            case _:
                for _ in range(size):
                    await asyncio.sleep(0)
                continue
        written.append(frame)
    return b"".join(written)


async def follow(steps: list[tuple[str, int]]) -> None:
    node, reader = RecordingNode(), Reader()
    async with serving("detached", node) as port:
        await reader.open(port)
        await node.opened.wait()
        assert isinstance(node.connection.outlet, SocketOutlet)
        node.connection.outlet.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        try:
            written = await take(node, reader, steps)
            await reader.read_until(len(written))
            assert reader.data == written
        finally:
            reader.close()
        await node.wait_for("closed")


@pytest.mark.parametrize("make_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_frames_arrive_in_the_order_written(make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    @settings(max_examples=40, deadline=None)
    @given(steps=STEPS)
    def check(steps: list[tuple[str, int]]) -> None:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            runner.run(follow(steps))

    check()
