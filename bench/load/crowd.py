"""Thousands of sockets in one process, read with as little work as can be: bytes are counted, not parsed.

Runs in a process of its own (`load_process`). The generator must not be what is measured.
"""

import os
import select
import socket
import time
from collections.abc import Callable

from bench.load.dialects import Opening
from bench.load.measure import cpu_s, percentile
from bench.load.triggers import STAMP_DIGITS, STAMP_FROM_END, Trigger
from bench.load.wire import PING_BYTES, PONG

_READ_BYTES = 1024 * 1024
# Beyond 28,000 sockets one source address runs out of ports; spread them long before.
_SOCKETS_PER_ADDRESS = 5_000
_STALLED_S = 60.0
_SOCKET_IO_PING = b"\x81\x012"
_SOCKET_IO_PONG = b"\x81\x81\0\0\0\0" + b"3"
# A reader that is woken by each byte costs the server the waking, 1 to 2 µs a write, and the more so the
# slower the server is. Readers who are other machines cost nothing of the kind: so it looks now and then.
_DOZE_S = 0.0005


class Stalled(Exception):  # noqa: N818 - it names a state of the measurement, not a fault of the program
    """What should have arrived has not, for a long time."""


class Crowd:
    """Sockets of one kind of server. All methods block; those that wait answer pings meanwhile."""

    def __init__(self, server_pid: int, control_fd: int) -> None:
        """`control_fd` ends `idle` when it becomes readable."""
        self.bytes_total = 0
        self.event_bytes = 0
        """Length of one event on the wire, learnt from the first."""
        self._server_pid = server_pid
        self._control_fd = control_fd
        self._sockets: dict[int, socket.socket] = {}
        self._openings: dict[int, Opening] = {}
        self._buffer = bytearray(_READ_BYTES)
        self._epoll = select.epoll()
        self._epoll.register(control_fd, select.EPOLLIN)
        self._on_bytes: Callable[[int, memoryview], None] | None = None
        self._rests: dict[int, bytes] = {}

    # -- coming and going -------------------------------------------------------------------

    def open(self, address: tuple[str, int], openings: list[Opening], at_once: int) -> float:
        """Open a socket for each opening, `at_once` of them on their way; returns the seconds it took."""
        started_s = time.perf_counter()
        waiting = list(reversed(openings))
        while waiting or self._openings:
            while waiting and len(self._openings) < at_once:
                self._connect(address, waiting.pop())
            self.poll(1.0)
            if time.perf_counter() - started_s > _STALLED_S + len(openings) * 0.05:
                raise Stalled(f"{len(waiting) + len(self._openings)} sockets did not become ready")
        return time.perf_counter() - started_s

    def _connect(self, address: tuple[str, int], opening: Opening) -> None:
        one = socket.socket()
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Chosen at connect, so that ports are shared among destinations (IP_BIND_ADDRESS_NO_PORT).
        one.setsockopt(socket.IPPROTO_IP, 24, 1)
        one.bind((f"127.0.{os.getpid() % 200 + 1}.{1 + len(self._sockets) // _SOCKETS_PER_ADDRESS}", 0))
        one.connect(address)
        one.setblocking(False)
        fd = one.fileno()
        self._sockets[fd] = one
        self._epoll.register(fd, select.EPOLLIN)
        if opening.is_ready:
            return
        one.sendall(opening.request)
        self._openings[fd] = opening

    def close(self) -> None:
        """Close every socket."""
        for one in self._sockets.values():
            one.close()
        self._sockets.clear()
        self._openings.clear()
        self._rests.clear()

    # -- reading ------------------------------------------------------------------------------

    def poll(self, timeout_s: float) -> bool:
        """Read once from every socket that has something; True when the control is readable."""
        buffer, view = self._buffer, memoryview(self._buffer)
        is_told = False
        for fd, _ in self._epoll.poll(timeout_s, 4096):
            one = self._sockets.get(fd)
            if one is None:
                is_told = is_told or fd == self._control_fd
                continue
            size = one.recv_into(buffer)
            if not size:
                raise ConnectionError("the server closed a socket")
            if self._openings and fd in self._openings:
                self._feed(fd, one, bytes(view[:size]))
                continue
            if self._on_bytes is not None:
                self._on_bytes(fd, view[:size])
            elif not self.event_bytes or size % self.event_bytes:
                size = self._without_pings(one, bytes(view[:size]))
            self.bytes_total += size
        return is_told

    def _feed(self, fd: int, one: socket.socket, data: bytes) -> None:
        opening = self._openings[fd]
        if reply := opening.feed(data):
            one.sendall(reply)
        if opening.is_ready:
            del self._openings[fd]

    @staticmethod
    def _without_pings(one: socket.socket, data: bytes) -> int:
        """Answer the pings among the bytes, ours and Socket.IO's; return how many bytes are left."""
        if pings := data.count(PING_BYTES):
            one.sendall(PONG)
            return len(data) - pings * len(PING_BYTES)
        # \x81 cannot follow an ASCII byte in a text: these are frames, alone or among events.
        if pings := data.count(_SOCKET_IO_PING):
            one.sendall(_SOCKET_IO_PONG)
            return len(data) - pings * len(_SOCKET_IO_PING)
        return len(data)

    # -- measuring ----------------------------------------------------------------------------

    def learn(self, trigger: Trigger) -> int:
        """Fire single events until the length of one is known; returns it."""
        before, members = self.bytes_total, trigger.fire(1, time.monotonic_ns())
        end_s = time.perf_counter() + _STALLED_S
        quiet_s = time.perf_counter() + 0.5
        while time.perf_counter() < quiet_s:
            seen = self.bytes_total
            self.poll(0.05)
            if self.bytes_total > seen or seen == before:
                quiet_s = time.perf_counter() + 0.5
            if time.perf_counter() > end_s:
                raise Stalled("the first event did not arrive")
        length, rest = divmod(self.bytes_total - before, members)
        if rest:
            raise Stalled(f"{members} sockets were sent {self.bytes_total - before} bytes: not the same each")
        self.event_bytes = length
        return length

    def keep_in_flight(self, trigger: Trigger, seconds: float, joined: int, bursts: int) -> dict[str, float]:
        """Keep `bursts` writes of `joined` events under way for a time; returns deliveries and CPU."""
        arrived = due = self.bytes_total
        window: list[int] = []
        deliveries = 0
        meter = Meter(self._server_pid)
        moved_s = time.perf_counter()
        end_s = moved_s + seconds
        while window or time.perf_counter() < end_s:
            while len(window) < bursts and time.perf_counter() < end_s:
                copies = trigger.fire(joined, time.monotonic_ns()) * joined
                deliveries += copies
                due += copies * self.event_bytes
                window.append(due)
            time.sleep(_DOZE_S)
            self.poll(1.0)
            if self.bytes_total != arrived:
                arrived, moved_s = self.bytes_total, time.perf_counter()
            elif time.perf_counter() - moved_s > _STALLED_S:
                raise Stalled(f"{due - arrived} bytes are missing")
            while window and self.bytes_total >= window[0]:
                window.pop(0)
        return meter.read(deliveries)

    def pace(self, trigger: Trigger, seconds: float, events_per_s: float) -> dict[str, float]:
        """Fire at a rate whatever arrives; returns the latencies from firing to reading."""
        latencies_ns: list[int] = []
        self._on_bytes = lambda fd, data: self._read_stamps(fd, bytes(data), latencies_ns)
        meter = Meter(self._server_pid)
        started_s = time.perf_counter()
        fired = copies = 0
        try:
            while (now_s := time.perf_counter() - started_s) < seconds:
                while fired < now_s * events_per_s:
                    copies += trigger.fire(1, time.monotonic_ns())
                    fired += 1
                self.poll(0.001)
            figures = meter.read(copies)
            end_s = time.perf_counter() + 5.0
            while len(latencies_ns) < copies and time.perf_counter() < end_s:
                self.poll(0.05)
        finally:
            self._on_bytes = None
        latencies_ns.sort()
        shares = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999}
        figures |= {name: percentile(latencies_ns, share) / 1e6 for name, share in shares.items()}
        return figures | {"max_ms": latencies_ns[-1] / 1e6, "missing": copies - len(latencies_ns)}

    def steady(self, trigger: Trigger, seconds: float, events_per_s: float) -> dict[str, float]:
        """Fire at a rate, which may be none; returns CPU, and bytes read, counted by event."""
        fired, before = 0, self.bytes_total
        meter = Meter(self._server_pid)
        started_s = time.perf_counter()
        while (now_s := time.perf_counter() - started_s) < seconds:
            while fired < now_s * events_per_s:
                trigger.fire(1, time.monotonic_ns())
                fired += 1
            time.sleep(_DOZE_S)
            self.poll(0.01)
        return meter.read(fired) | {"bytes": self.bytes_total - before}

    def _read_stamps(self, fd: int, data: bytes, latencies_ns: list[int]) -> None:
        now_ns = time.monotonic_ns()
        if PING_BYTES in data:
            self._sockets[fd].sendall(PONG)
            data = data.replace(PING_BYTES, b"")
        data = self._rests.pop(fd, b"") + data
        whole = len(data) - len(data) % self.event_bytes
        for end in range(self.event_bytes, whole + 1, self.event_bytes):
            at = end - STAMP_FROM_END
            latencies_ns.append(now_ns - int(data[at : at + STAMP_DIGITS]))
        if whole < len(data):
            self._rests[fd] = data[whole:]

    def idle(self) -> None:
        """Answer pings until the control is readable."""
        while not self.poll(5.0):
            pass


class Meter:
    """CPU of the server and of this process over a phase."""

    def __init__(self, server_pid: int) -> None:
        self._server_pid = server_pid
        self._started_s = time.perf_counter()
        self._server_s = cpu_s(server_pid)
        self._own_s = time.process_time()

    def read(self, deliveries: int) -> dict[str, float]:
        """Return what was used since the start."""
        elapsed_s = time.perf_counter() - self._started_s
        server_s = cpu_s(self._server_pid) - self._server_s
        return {
            "deliveries": deliveries,
            "seconds": round(elapsed_s, 3),
            "deliveries_per_s": round(deliveries / elapsed_s),
            "server_us": round(server_s / max(deliveries, 1) * 1e6, 3),
            "server_cores": round(server_s / elapsed_s, 3),
            "generator_cores": round((time.process_time() - self._own_s) / elapsed_s, 3),
        }
