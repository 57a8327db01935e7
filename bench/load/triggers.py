"""What makes a server send: one event, or several joined, to everybody who listens.

Each holds one socket of its own; the crowd that counts the deliveries fires them.
"""

import json
import socket
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import unquote, urlsplit

from bench.load.dialects import Opening
from bench.load.wire import text_frame
from shared.ids import new_id

_TEXT_BYTES = 200
STAMP_DIGITS = 20
# From the end of a frame to the stamp, which begins the text, which ends the event.
STAMP_FROM_END = _TEXT_BYTES + len('"}}')


class Trigger(Protocol):
    """Makes the server send."""

    def fire(self, count: int, now_ns: int) -> int:
        """Send `count` events in one write; returns how many sockets each of them should reach."""

    def close(self) -> None: ...


class Events:
    """`message.created` of one room, dense from a position; each of the same length in bytes."""

    def __init__(self, room_id: str, epoch: int = 1, rev: int = 0) -> None:
        self._rev = rev
        user_id, message_id = new_id(), new_id()
        at = "2026-01-01T00:00:00.000Z"
        message = {
            "id": message_id, "room_id": room_id, "seq": 0, "rev": 0, "thread_id": None, "reply_to": None,
            "sender_id": user_id, "kind": "text", "content": None,
            "mentions": {"user_ids": [], "room": False, "here": False}, "files": [], "reactions": [],
            "reply_count": 0, "last_reply_at": None, "pinned_at": None, "created_at": at,
            "edited_at": None, "deleted_at": None,
        }  # fmt: skip
        # Spaces before a number are JSON, and keep the length the same whatever the rev.
        self._head = (
            f'{{"ev":"message.created","room_id":"{room_id}","epoch":{epoch},"rev":%12d,"d":'
            f'{json.dumps(message, separators=(",", ":"))[:-1]},"text":"%0{STAMP_DIGITS}d'
        )
        self._tail = "x" * (_TEXT_BYTES - STAMP_DIGITS) + '"}}'

    def next(self, now_ns: int) -> bytes:
        """Return the next event, stamped with the moment it is sent."""
        self._rev += 1
        return (self._head % (self._rev, now_ns) + self._tail).encode()


def connect_to_nats(url: str) -> socket.socket:
    """Return a connection of a NATS user to the first server of a URL, ready for commands."""
    parts = urlsplit(url.partition(",")[0])
    one = socket.create_connection((parts.hostname or "", parts.port or 4222))
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    who = {"user": unquote(parts.username or ""), "pass": unquote(parts.password or "")}
    options = json.dumps({**who, "verbose": False, "pedantic": False, "name": "bench"})
    one.sendall(f"CONNECT {options}\r\n".encode())
    await_pong(one)
    return one


def await_pong(one: socket.socket) -> None:
    """Return once the server has taken everything sent so far. Raises ConnectionError."""
    one.sendall(b"PING\r\n")
    answer = b""
    while b"PONG" not in answer:
        if b"-ERR" in answer or not (more := one.recv(65536)):
            raise ConnectionError(f"NATS refused: {answer!r}")
        answer += more


class NatsTrigger:
    """Publishes on NATS as the messages service does after a commit; rooms take turns."""

    def __init__(self, url: str, rooms: Sequence[tuple[str, int, int]]) -> None:
        """`rooms`: id, position (rev), and how many members are connected."""
        self._socket = connect_to_nats(url)
        self._rooms = [
            (f"chat.room.{room_id}.message.created", Events(room_id, rev=rev), members)
            for room_id, rev, members in rooms
        ]
        self._turn = 0

    def fire(self, count: int, now_ns: int) -> int:
        self._answer_pings()
        subject, events, members = self._rooms[self._turn % len(self._rooms)]
        self._turn += 1
        parts = []
        for _ in range(count):
            payload = events.next(now_ns)
            parts.append(b"PUB %b %d\r\n%b\r\n" % (subject.encode(), len(payload), payload))
        self._socket.sendall(b"".join(parts))
        return members

    def _answer_pings(self) -> None:
        try:
            heard = self._socket.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if b"PING" in heard:
            self._socket.sendall(b"PONG\r\n")
        if b"-ERR" in heard or not heard:
            raise ConnectionError(f"NATS refused: {heard!r}")

    def close(self) -> None:
        self._socket.close()


class SocketTrigger:
    """Tells a peer's server through a socket, as one of its clients; the text is the same event."""

    def __init__(self, host: str, port: int, opening: Opening, members: int, wrap: str = "%s") -> None:
        """`wrap` is the message around the event; `%s` stands for it."""
        self._socket = socket.create_connection((host, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(opening.request)
        while not opening.is_ready:
            self._socket.sendall(opening.feed(self._socket.recv(65536)))
        self._events = Events(new_id())
        self._members = members
        self._wrap = wrap.encode()

    def fire(self, count: int, now_ns: int) -> int:
        payloads = (self._events.next(now_ns) for _ in range(count))
        self._socket.sendall(b"".join(text_frame(self._wrap.replace(b"%s", each)) for each in payloads))
        return self._members

    def close(self) -> None:
        self._socket.close()


class RawTrigger:
    """Tells the raw writer how many frames to write to each of its sockets at once."""

    def __init__(self, host: str, port: int, members: int) -> None:
        """The frames are as long as the gateway's."""
        self._socket = socket.create_connection((host, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        event = Events(new_id()).next(0)
        frame = b"\x81\x7e" + len(event).to_bytes(2) + event
        self._socket.sendall(len(frame).to_bytes(4) + frame)
        self._members = members

    def fire(self, count: int, now_ns: int) -> int:  # noqa: ARG002 - its frames carry no time
        self._socket.sendall(count.to_bytes(4))
        return self._members

    def close(self) -> None:
        self._socket.close()
