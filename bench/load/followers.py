"""Clients that follow their rooms as the protocol asks, and notice what is lost or doubled.

Runs in a load process, like a crowd; unlike a crowd it reads every frame.
"""

import select
import socket
import time

import msgspec
from msgspec import Struct

from bench.load.crowd import Stalled
from bench.load.plan import Plan
from bench.load.wire import PING, PONG, TEXT, FrameReader, handshake, text_frame

_AT_ONCE = 256
_READ_BYTES = 256 * 1024
_STALLED_S = 120.0
_SOCKETS_PER_ADDRESS = 5_000


class Message(Struct):
    """What is read of a message."""

    id: str


class _Position(Struct):
    epoch: int
    rev: int


class _Element(Struct):
    room: Message
    position: _Position
    state: str
    messages: list[Message]


class FrameData(Struct):
    """What is read of a frame's `d`, or of a reply."""

    id: str = ""
    after_rev: int = -1
    retry_after_ms: int = 0
    messages: list[Message] = []
    rooms: list[_Element] = []
    next_cursor: str | None = None


class Refusal(Struct):
    """An error of the protocol."""

    code: str
    retry_after_ms: int | None = None


class FollowedFrame(Struct):
    """What is read of a frame."""

    ref: int = 0
    ev: str = ""
    room_id: str = ""
    rev: int = 0
    d: FrameData | None = None
    ok: FrameData | None = None
    error: Refusal | None = None


decode = msgspec.json.Decoder(FollowedFrame).decode


class Follower:
    """One client: its position in each room, and the messages it has been told of."""

    __slots__ = ("_head", "_reader", "_tally", "held", "is_synced", "missing", "revs", "token")

    def __init__(self, token: str, tally: dict[str, int]) -> None:
        self.token = token
        self.revs: dict[str, int] = {}
        self.held: set[str] = set()
        self.missing: set[str] = set()
        self.is_synced = False
        self._tally = tally
        self.begin()

    def begin(self) -> None:
        """Forget the socket, not the positions."""
        self._head: bytes | None = b""
        self._reader = FrameReader()
        self.is_synced = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the server; return what to send."""
        if self._head is not None:
            head, end, data = (self._head + data).partition(b"\r\n\r\n")
            self._head = None if end else head
            if not end:
                return b""
            if b" 101 " not in head[:16]:
                raise ConnectionError(f"the server refused: {head[:120]!r}")
        return b"".join(self._take(opcode, payload) for opcode, payload in self._reader.feed(data))

    def _take(self, opcode: int, payload: bytes) -> bytes:
        if opcode == PING:
            return PONG
        if opcode != TEXT:
            raise ConnectionError(f"the server closed: {payload!r}")
        frame = decode(payload)
        if frame.error is not None:
            raise ConnectionError(payload[:200].decode())
        return self._follow(frame)

    def _follow(self, frame: FollowedFrame) -> bytes:
        """Do what the frame of a client asks for that sends nothing but `sync`."""
        if frame.ev == "ready":
            return self._sync(None)
        if frame.ok is not None:
            return self._on_synced(frame.ok)
        if frame.rev and frame.d is not None:
            self._on_event(frame, frame.d)
        elif frame.ev == "room.reset":
            self._tally["resets"] += 1
        return b""

    def _sync(self, cursor: str | None) -> bytes:
        held = {room_id: {"epoch": 1, "rev": rev} for room_id, rev in self.revs.items()}
        d = {"rooms": held} | ({"cursor": cursor} if cursor else {})
        return text_frame(msgspec.json.encode({"op": "sync", "ref": 1, "d": d}))

    def _on_synced(self, page: FrameData) -> bytes:
        for element in page.rooms:
            self._tally[element.state] = self._tally.get(element.state, 0) + 1
            self.revs[element.room.id] = element.position.rev
            self._hold(element.messages)
        if page.next_cursor:
            return self._sync(page.next_cursor)
        self.is_synced = True
        return b""

    def _on_event(self, frame: FollowedFrame, d: FrameData) -> None:
        """Judge a frame by its place: the next one, or a fault that is counted."""
        rev = self.revs.get(frame.room_id, 0)
        if frame.rev <= rev:
            self._tally["doubled"] += 1
        elif frame.rev != rev + 1 and not (frame.ev == "room.changes" and d.after_rev <= rev):
            self._tally["gaps"] += 1
        self.revs[frame.room_id] = frame.rev
        self._hold(d.messages if frame.ev == "room.changes" else [Message(d.id)])

    def _hold(self, messages: list[Message]) -> None:
        ids = [message.id for message in messages]
        self.held.update(ids)
        self.missing.difference_update(ids)


class FollowersSession:
    """Everybody of a plan: connects them, cuts them, and tells how they came back."""

    def __init__(self, plan: Plan, control_fd: int) -> None:
        self._plan = plan
        self._control_fd = control_fd
        self._tally: dict[str, int] = {}
        self._followers = [Follower(token, self._tally) for token in plan.tokens]
        self._sockets: dict[int, tuple[socket.socket, Follower]] = {}
        # Each time from other addresses: ports of those that were cut are taken for a minute, and looking for
        # free ones among them took the generator 6 ms a socket, three quarters of a storm.
        self._comings = 0
        self._epoll = select.epoll()
        self._epoll.register(control_fd, select.EPOLLIN)

    def idle(self) -> None:
        """Answer pings until told something."""
        while not self._poll(5.0):
            pass

    def come(self) -> float:
        """Connect everybody who is not; returns the seconds until all are synced."""
        started_s = time.perf_counter()
        self._expect_none()
        self._connect_all(started_s)
        return time.perf_counter() - started_s

    def storm(self, message_ids: dict[str, list[str]]) -> dict[str, float]:
        """Cut everybody at once and let them return; `message_ids` by room are sent meanwhile.

        Returns when all have synced, when all were whole, and what went wrong.
        """
        self._expect_none()
        for follower in self._followers:
            follower.missing = {each for room_id in follower.revs for each in message_ids.get(room_id, ())}
        started_s = time.perf_counter()
        for one, _ in self._sockets.values():
            one.close()
        self._sockets.clear()
        self._connect_all(started_s)
        synced_s = time.perf_counter() - started_s
        while any(follower.missing for follower in self._followers):
            self._poll(0.02)
            if time.perf_counter() - started_s > _STALLED_S:
                break
        whole_s = time.perf_counter() - started_s
        self._linger(1.0)
        lost = sum(len(follower.missing) for follower in self._followers)
        return {"synced_s": round(synced_s, 3), "whole_s": round(whole_s, 3), "lost": lost, **self._tally}

    def _expect_none(self) -> None:
        self._tally.clear()
        self._tally.update(doubled=0, gaps=0, resets=0)

    def _linger(self, seconds: float) -> None:
        """Read on for a moment: what comes twice comes late."""
        end_s = time.perf_counter() + seconds
        while time.perf_counter() < end_s:
            self._poll(0.05)

    def _connect_all(self, started_s: float) -> None:
        self._comings += 1
        waiting = list(self._followers)
        under_way: list[Follower] = []
        while waiting or under_way:
            while waiting and len(under_way) < _AT_ONCE:
                under_way.append(waiting.pop())
                self._connect(under_way[-1])
            self._poll(0.02)
            under_way = [follower for follower in under_way if not follower.is_synced]
            if time.perf_counter() - started_s > _STALLED_S:
                raise Stalled(f"{len(waiting) + len(under_way)} clients have not come back")

    def _connect(self, follower: Follower) -> None:
        follower.begin()
        one = socket.socket()
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.bind((f"127.0.{self._comings % 200}.{2 + len(self._sockets) // _SOCKETS_PER_ADDRESS}", 0))
        one.connect((self._plan.host, self._plan.port))
        one.setblocking(False)
        headers = {"Authorization": f"Bearer {follower.token}"}
        one.sendall(handshake(f"{self._plan.host}:{self._plan.port}", "/ws", headers))
        self._sockets[one.fileno()] = (one, follower)
        self._epoll.register(one.fileno(), select.EPOLLIN)

    def _poll(self, timeout_s: float) -> bool:
        is_told = False
        for fd, _ in self._epoll.poll(timeout_s, 1024):
            if fd == self._control_fd:
                is_told = True
                continue
            one, follower = self._sockets[fd]
            data = one.recv(_READ_BYTES)
            if not data:
                raise ConnectionError("the server closed a socket")
            if reply := follower.feed(data):
                one.sendall(reply)
        return is_told
