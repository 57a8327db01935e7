"""How a socket becomes ready at each kind of server: what is asked, what is answered. No I/O.

A crowd drives one Opening per socket until it is ready; afterwards it only counts bytes.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from bench.load.wire import CLOSE, PING, PONG, TEXT, FrameReader, handshake, text_frame

Answer = Callable[[bytes], tuple[bytes, bool]]
"""What to send back to a message, and whether the socket is ready then."""

LoadCommand = tuple[str, dict[str, Any]]
SYNC: LoadCommand = ("sync", {"rooms": {}})


class Opening:
    """A socket on its way to ready."""

    __slots__ = ("_answer", "_head", "_reader", "is_ready", "request")

    def __init__(self, request: bytes, answer: Answer | None) -> None:
        """`request` is sent first; without `answer`, the upgrade alone makes the socket ready."""
        self.request = request
        self.is_ready = not request
        self._answer = answer
        self._head: bytes | None = b""
        self._reader = FrameReader()

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the server; return what to send. Raises ConnectionError if it refuses."""
        if self._head is not None:
            head, end, data = (self._head + data).partition(b"\r\n\r\n")
            if not end:
                self._head = head
                return b""
            if b" 101 " not in head[:16]:
                raise ConnectionError(f"the server refused: {head[:120]!r} {data[:200]!r}")
            self._head = None
            self.is_ready = self._answer is None
        return b"".join(self._take(opcode, payload) for opcode, payload in self._reader.feed(data))

    def _take(self, opcode: int, payload: bytes) -> bytes:
        if opcode == PING:
            return PONG
        if opcode == CLOSE:
            raise ConnectionError(f"the server closed: {payload!r}")
        if opcode != TEXT or self._answer is None:
            return b""
        reply, is_ready = self._answer(payload)
        self.is_ready = self.is_ready or is_ready
        return reply


def plain_tcp() -> Opening:
    """A socket without any protocol: the raw writer's."""
    return Opening(b"", None)


def plain_websocket(host: str, path: str = "/") -> Opening:
    """A server that broadcasts to every socket that is upgraded."""
    return Opening(handshake(host, path, {}), None)


def socket_io(host: str) -> Opening:
    """Engine.IO 4 over WebSocket alone, then the default namespace."""

    def answer(message: bytes) -> tuple[bytes, bool]:
        if message.startswith(b"0"):
            return text_frame(b"40"), False
        return (text_frame(b"3"), False) if message == b"2" else (b"", message.startswith(b"40"))

    return Opening(handshake(host, "/socket.io/?EIO=4&transport=websocket", {}), answer)


def chatcraft(host: str, token: str, commands: Sequence[LoadCommand] = (SYNC,)) -> Opening:
    """A gateway: `ready`, then these commands at once; ready when all are answered."""
    unanswered = {b'{"ref":%d,' % ref for ref in range(1, len(commands) + 1)}

    def answer(message: bytes) -> tuple[bytes, bool]:
        if message.startswith(b'{"ev":"ready"'):
            frames = [json.dumps({"op": op, "ref": ref, "d": d}) for ref, (op, d) in enumerate(commands, 1)]
            return b"".join(text_frame(each.encode()) for each in frames), False
        head = message[: message.find(b",") + 1]
        if head in unanswered and message[len(head) :].startswith(b'"error"'):
            raise ConnectionError(message[:300].decode())
        unanswered.discard(head)
        return b"", not unanswered

    return Opening(handshake(host, "/ws", {"Authorization": f"Bearer {token}"}), answer)
