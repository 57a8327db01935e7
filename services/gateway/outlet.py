"""How an event gets to the sockets of a room: straight to each of them, or where something waits, behind it.

The fan-out of the hot path is here. Knows bytes and sockets, neither rooms nor connections.
"""

import _socket
from collections.abc import Callable, Iterable
from typing import Protocol


class Outlet(Protocol):
    """Where a connection's bytes go."""

    queue: Callable[[bytes], None]
    """Takes what `send` has left. Never waits, never raises."""

    def send(self, frames: bytes, /) -> int:
        """Take as much as fits at once; returns how many bytes. Raises OSError if none does."""


def fan_out(outlets: Iterable[Outlet], frames: bytes) -> None:
    """Give the frames to every outlet. Never waits."""
    size = len(frames)
    remaining = iter(outlets)
    while True:
        try:
            for outlet in remaining:
                if (sent := outlet.send(frames)) != size:
                    outlet.queue(frames[sent:])
        except OSError:
            outlet.queue(frames)
        else:
            return


class QueueOutlet:
    """The outlet of a transport that queues, or has to look at the bytes: it takes everything."""

    __slots__ = ("queue",)

    def __init__(self, queue: Callable[[bytes], None]) -> None:
        self.queue = queue

    def send(self, frames: bytes, /) -> int:
        self.queue(frames)
        return len(frames)

    def open(self) -> None:
        """Nothing changes: all goes through `queue` anyway."""

    def shut(self) -> None:
        """Nothing changes."""


class SocketOutlet(_socket.socket):
    """Sends on the socket of an asyncio transport, past the transport: `send(2)` and nothing around it.

    Whoever owns the transport shuts it while bytes wait there, which come first, and for good before the
    transport closes the descriptor, whose number is somebody else's then: shut, it can send nothing.
    """

    __slots__ = ("_descriptor", "queue")

    def __init__(self, descriptor: int, queue: Callable[[bytes], None]) -> None:
        self._descriptor = descriptor
        self.queue = queue
        self.open()

    def open(self) -> None:
        """Send past the transport from here on."""
        super().__init__(_socket.AF_INET, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK, 0, self._descriptor)

    def shut(self) -> None:
        """Leave everything to `queue`."""
        self.detach()

    def __del__(self) -> None:
        self.detach()  # the transport closes it
