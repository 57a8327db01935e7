"""Time, for all connections of the node at once: pings, silence, token expiry, slow readers.

One tick a second instead of timers per connection. A tick touches only the connections that are to be
pinged, those that should have answered by now, and the few that are watched closely.
"""

import asyncio

from services.gateway.connection import Connection
from shared.clock import Clock
from shared.contracts.close_codes import CloseCode
from shared.contracts.limits import Limits

_TICK_S = 1.0
# A tick this late means that the node itself stood still: nobody's silence counts then.
_STALL_S = 1.0


class Sweep:
    """Owns the table of connections of the node, in buckets by the second in which they are pinged."""

    def __init__(self, clock: Clock, limits: Limits, unread_s: float = 30.0) -> None:
        """`unread_s` is for how long a slow reader may leave its socket full."""
        self.connections: dict[Connection, int] = {}
        """Each with the number of its bucket."""
        self._clock = clock
        self._limits = limits
        self._unread_s = unread_s
        self._buckets: list[dict[Connection, None]] = [{} for _ in range(max(1, limits.ping_interval_s))]
        # Who has not been heard this long after a ping is watched: in time for the limit of silence.
        self._answer_s = max(1, min(limits.ping_interval_s, limits.silence_s - limits.ping_interval_s))
        self._watched: dict[Connection, None] = {}
        self._tick = 0
        self._added = 0

    def add(self, connection: Connection) -> None:
        """Look after a connection; pings of many are spread evenly."""
        self._added += 1
        number = self._added % len(self._buckets)
        self.connections[connection] = number
        self._buckets[number][connection] = None
        self._watched[connection] = None  # its token may be short-lived

    def remove(self, connection: Connection) -> None:
        number = self.connections.pop(connection, None)
        if number is not None:
            self._buckets[number].pop(connection, None)
            self._watched.pop(connection, None)

    def watch(self, connection: Connection) -> None:
        """Look at a connection every second, until there is nothing to see."""
        if connection in self.connections:
            self._watched[connection] = None

    async def run(self) -> None:
        """Tick until cancelled."""
        due_s = self._clock.monotonic_s()
        while True:
            due_s += _TICK_S
            await asyncio.sleep(max(0.0, due_s - self._clock.monotonic_s()))
            late_s = self._clock.monotonic_s() - due_s
            if late_s > _STALL_S:
                self._forgive(late_s)
                due_s += late_s
            self.tick()

    def tick(self) -> None:
        """Look at whom this second concerns; O(connections / ping interval), no awaits."""
        self._tick += 1
        now_s = self._clock.monotonic_s()
        wall_s = self._clock.now().timestamp()
        interval_s = len(self._buckets)
        for connection in self._buckets[self._tick % interval_s]:
            connection.ping()
            if connection.expires_at <= wall_s + interval_s + 1:
                self._watched[connection] = None
        for connection in self._buckets[(self._tick - self._answer_s) % interval_s]:
            if now_s - connection.heard_at_s >= self._answer_s:
                self._watched[connection] = None
        for connection in list(self._watched):
            if not self._look(connection, now_s, wall_s):
                self._watched.pop(connection, None)

    def _look(self, connection: Connection, now_s: float, wall_s: float) -> bool:
        """Close what is over; return whether there is still a reason to watch."""
        silent_s = 0.0 if connection.paused_reading else now_s - connection.heard_at_s
        if connection.slow_since_s is not None and now_s - connection.slow_since_s > self._unread_s:
            connection.close(CloseCode.SLOW_CONSUMER, f"unread for {self._unread_s:g} s")
        elif connection.expires_at <= wall_s:
            connection.close(CloseCode.TOKEN_EXPIRED, "the access token has expired")
        elif silent_s >= self._limits.silence_s:
            connection.abort()
        is_expiring = connection.expires_at <= wall_s + len(self._buckets) + 1
        return is_expiring or connection.slow_since_s is not None or silent_s >= self._answer_s

    def _forgive(self, late_s: float) -> None:
        for connection in self.connections:
            connection.heard_at_s += late_s
            if connection.slow_since_s is not None:
                connection.slow_since_s += late_s
