"""Time, for all connections of the node at once: pings, silence, token expiry, slow readers.

One tick a second instead of timers per connection; each tick looks at half of the connections.
"""

import asyncio

from services.gateway.connection import Connection
from shared.clock import Clock
from shared.contracts.close_codes import CloseCode
from shared.contracts.limits import Limits

_TICK_S = 1.0
_SLICES = 2
# A tick this late means that the node itself stood still: nobody's silence counts then.
_STALL_S = 1.0


class Sweep:
    """Owns the table of connections of the node, each with the tick on which it is pinged."""

    def __init__(self, clock: Clock, limits: Limits, unread_s: float = 30.0) -> None:
        """`unread_s` is for how long a slow reader may leave its socket full."""
        self.connections: dict[Connection, int] = {}
        self._clock = clock
        self._limits = limits
        self._unread_s = unread_s
        self._tick = 0
        self._added = 0

    def add(self, connection: Connection) -> None:
        """Watch over a connection; pings of many are spread evenly."""
        self._added += 1
        self.connections[connection] = self._added

    def remove(self, connection: Connection) -> None:
        self.connections.pop(connection, None)

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
        """Look at one slice of the connections; O(connections), no awaits."""
        self._tick += 1
        now_s = self._clock.monotonic_s()
        wall_s = self._clock.now().timestamp()
        for connection, phase in list(self.connections.items()):
            if (phase + self._tick) % _SLICES == 0:
                self._look(connection, now_s, wall_s)
            if (phase + self._tick) % self._limits.ping_interval_s == 0:
                connection.ping()

    def _look(self, connection: Connection, now_s: float, wall_s: float) -> None:
        if connection.slow_since_s is not None and now_s - connection.slow_since_s > self._unread_s:
            connection.close(CloseCode.SLOW_CONSUMER, f"unread for {self._unread_s:g} s")
        elif connection.expires_at <= wall_s:
            connection.close(CloseCode.TOKEN_EXPIRED, "the access token has expired")
        elif not connection.paused_reading and now_s - connection.heard_at_s >= self._limits.silence_s - 1:
            connection.abort()

    def _forgive(self, late_s: float) -> None:
        for connection in self.connections:
            connection.heard_at_s += late_s
            if connection.slow_since_s is not None:
                connection.slow_since_s += late_s
