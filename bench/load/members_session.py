"""Members who stay, in a load process: their sockets, their coming back, and what they say meanwhile.

Between calls it goes on by itself: a scenario tells it to talk, does something to the servers, and reads.
"""

import heapq
import os
import random
import re
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from bench.load.crowd import Stalled
from bench.load.member import Member
from bench.load.plan import Plan
from bench.load.record import Record, Said
from bench.load.wire import handshake
from shared.ids import new_id

_READ_BYTES = 256 * 1024
_STALLED_S = 300.0
# As many handshakes at once as in the storm on one gateway (`bench.load.followers`).
_AT_ONCE = 256
_SOCKETS_PER_ADDRESS = 5_000
_IP_BIND_ADDRESS_NO_PORT = 24
# docs/protocol.md, section 3: a random delay up to 0.5 s, doubling up to 30 s.
_BACKOFF_S, _BACKOFF_MAX_S = 0.5, 30.0
# Beyond the limit of a command, after which the gateway itself would have said `timeout`.
_ANSWER_S = 12.0
_LOOK_S = 1.0
_LINGER_S = 1.0
_ABNORMAL = 1006
_STATUS = re.compile(r"HTTP/1\.\d (\d+)")


class MembersSession:
    """Everybody of a plan."""

    def __init__(self, plan: Plan, control_fd: int) -> None:
        self._host, self._port = plan.host, plan.port
        self._control_fd = control_fd
        self._record = Record()
        self._members = [Member(token, self._record) for token in plan.tokens]
        self._sockets: dict[int, tuple[socket.socket, Member]] = {}
        self._fds: dict[Member, int] = {}
        self._coming: set[Member] = set()
        self._waiting: deque[Member] = deque()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._timers = count()
        self._connects = count()
        self._chance = random.Random(1)
        self._sent_s: dict[Said, float] = {}
        self._unsaid: dict[Member, list[Said]] = {}
        self._per_s = 0.0
        self._talking_since_s = 0.0
        self._said_since = 0
        self._epoll = select.epoll()
        self._epoll.register(control_fd, select.EPOLLIN)
        self._later(_LOOK_S, self._look)

    # -- what a scenario may ask ----------------------------------------------------------------

    def idle(self) -> None:
        """Go on until told something."""
        while not self._turn(0.01):
            pass

    def come(self) -> float:
        """Connect everybody, and return the seconds until all are synced."""
        started_s = time.perf_counter()
        self._waiting.extend(self._members)
        while len(self._fds) < len(self._members) or self._coming:
            self._turn(0.01)
            if time.perf_counter() - started_s > _STALLED_S:
                raise Stalled(f"{len(self._members) - len(self._fds)} members did not come")
        return time.perf_counter() - started_s

    def talk(self, per_s: float) -> None:
        """Say so many messages a second from now on, whoever is there, in any of their rooms."""
        self._per_s = per_s
        self._talking_since_s = time.perf_counter()
        self._said_since = 0

    def begin(self) -> None:
        """Begin a phase: forget what was counted."""
        self._record.begin()

    def read(self) -> dict[str, Any]:
        """Return the phase so far."""
        return self._record.summarise()

    def count_cut(self) -> tuple[int, int]:
        """Return how many have been cut, and how many of them are not whole yet. Cheap, unlike `read`."""
        return len(self._record.cut), len(self._record.not_whole)

    def settle(self, seconds: float) -> dict[str, Any]:
        """Be silent until all that was said is answered and heard; return the phase, with what is lost."""
        self.talk(0)
        end_s = time.perf_counter() + seconds
        while time.perf_counter() < end_s and (self._sent_s or self._unsaid or self._count_lost()):
            self._turn_for(0.1)
        self._turn_for(_LINGER_S)  # what comes twice comes late
        return self._record.summarise() | {"lost": self._count_lost()}

    def _count_lost(self) -> int:
        missing = (self._record.list_missing(list(each.revs), each.held) for each in self._members)
        return sum(map(len, missing))

    # -- one turn -------------------------------------------------------------------------------

    def _turn_for(self, seconds: float) -> None:
        end_s = time.perf_counter() + seconds
        while time.perf_counter() < end_s:
            self._turn(0.01)

    def _turn(self, timeout_s: float) -> bool:
        is_told = False
        for fd, _ in self._epoll.poll(timeout_s, 1024):
            if fd == self._control_fd:
                is_told = True
            elif fd in self._sockets:
                self._read_from(*self._sockets[fd])
        now_s = time.perf_counter()
        while self._due and self._due[0][0] <= now_s:
            heapq.heappop(self._due)[2]()
        while self._waiting and len(self._coming) < _AT_ONCE:
            self._connect(self._waiting.popleft())
        while self._said_since < (now_s - self._talking_since_s) * self._per_s:
            self._said_since += 1
            self._say_something()
        return is_told

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.perf_counter() + seconds, next(self._timers), action))

    # -- coming and going -------------------------------------------------------------------------

    def _connect(self, member: Member) -> None:
        member.begin()
        number = next(self._connects) // _SOCKETS_PER_ADDRESS
        one = socket.socket()
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        try:
            one.bind((f"127.{os.getpid() % 100 + 101}.{number // 200 % 200}.{number % 200 + 1}", 0))
            one.connect((self._host, self._port))
            one.setblocking(False)
            headers = {"Authorization": f"Bearer {member.token}"}
            one.sendall(handshake(f"{self._host}:{self._port}", "/ws", headers))
        except OSError as exc:
            one.close()
            self._fail(member, type(exc).__name__)
            return
        self._sockets[one.fileno()] = (one, member)
        self._fds[member] = one.fileno()
        self._coming.add(member)
        self._epoll.register(one.fileno(), select.EPOLLIN)

    def _read_from(self, one: socket.socket, member: Member) -> None:
        try:
            data = one.recv(_READ_BYTES)
        except BlockingIOError:
            return  # the event was of another socket with this number
        except OSError:
            data = b""
        if not data:
            self._lose(member, "closed")
            return
        try:
            reply = member.feed(data)
        except ConnectionError as exc:
            status = _STATUS.search(str(exc))
            self._lose(member, status[1] if status else "no HTTP")
            return
        if reply:
            self._send(member, reply)
        self._go_on(member)

    def _go_on(self, member: Member) -> None:
        """See to what its frames have led to."""
        if member.close_code:
            self._lose(member, "closed")
            return
        if member.is_synced and member in self._coming:
            self._coming.discard(member)
            for said in self._unsaid.pop(member, []):
                self._say(member, said)
        if member.resync_s:
            self._later(member.resync_s, partial(self._sync_again, member, member.comings))
            member.resync_s = 0.0
        while member.repeats:
            said, after_s = member.repeats.pop()
            self._later(after_s, partial(self._say, member, said))

    def _lose(self, member: Member, reason: str) -> None:
        if member not in self._fds:
            return
        one, _ = self._sockets.pop(self._fds.pop(member))
        one.close()
        self._coming.discard(member)
        if member.pending:
            self._record.repeated["cut"] += len(member.pending)
            self._unsaid.setdefault(member, []).extend(member.pending.values())
            member.pending.clear()
        if not member.is_upgraded:
            self._fail(member, reason)
            return
        self._record.on_cut(member, member.close_code or _ABNORMAL)
        member.away_since_s = member.away_since_s or time.perf_counter()
        self._come_back(member, member.return_s)

    def _fail(self, member: Member, reason: str) -> None:
        self._record.failed_attempts[reason] += 1
        self._come_back(member, 0.0)

    def _come_back(self, member: Member, within_s: float) -> None:
        member.is_synced = False
        backoff_s = min(_BACKOFF_S * 2**member.attempts, _BACKOFF_MAX_S)
        member.attempts += 1
        wait_s = self._chance.random() * (within_s or backoff_s)
        self._later(wait_s, partial(self._waiting.append, member))

    # -- talking ----------------------------------------------------------------------------------

    def _say_something(self) -> None:
        member = self._chance.choice(self._members)
        if not member.is_synced:
            return
        said = Said(member, new_id(), self._chance.choice(list(member.revs)), time.perf_counter())
        self._record.said[said.id] = said
        self._say(member, said)

    def _say(self, member: Member, said: Said) -> None:
        """Say it now, or when the member is back."""
        if said.is_over:
            return
        if not member.is_synced:
            self._unsaid.setdefault(member, []).append(said)
            return
        self._sent_s[said] = time.perf_counter()
        self._send(member, member.say(said))

    def _sync_again(self, member: Member, comings: int) -> None:
        if member.comings == comings and member in self._fds:
            self._send(member, member.sync())

    def _send(self, member: Member, data: bytes) -> None:
        one, _ = self._sockets[self._fds[member]]
        try:
            one.sendall(data)
        except OSError:
            self._lose(member, "closed")

    def _look(self) -> None:
        """Forget what was answered; say again what was not for too long."""
        now_s = time.perf_counter()
        self._later(_LOOK_S, self._look)
        for said, sent_s in list(self._sent_s.items()):
            if said.is_over:
                del self._sent_s[said]
            elif now_s - sent_s > _ANSWER_S and isinstance(said.by, Member) and said.by.is_synced:
                self._record.repeated["no answer"] += 1
                self._say(said.by, said)
