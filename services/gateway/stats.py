"""What the node counts on its hot paths, as plain integers, and how Prometheus reads them.

A prometheus Counter takes a lock and half a microsecond for each step; these cost an addition.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from prometheus_client import Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

_LAG_EVERY_S = 0.5
# 2 MB at most; five minutes of a node that writes 50 times a second.
_WRITES_KEPT = 16_384

Write = tuple[str, int, int, float, int]
"""Room, the rev of the last event, how many events, `perf_counter` at the start, how many recipients."""

LOOP_LAG = Gauge("chatcraft_gateway_loop_lag_seconds", "How late the event loop ran a timer, last measured")

_HELP = {
    "events": "Room events taken from the bus and delivered",
    "deliveries": "Room events written to connections",
    "writes": "Writes of room events to connections: several events of a turn are one",
    "fan_out_seconds": "Time spent writing room events to connections",
    "activities": "Signals to those who look elsewhere that something happens in a crowded room",
    "drops": "Room events seen before, or of an older epoch",
    "gaps": "Room events that came while something before them was missing",
    "heals": "Rooms brought up to date from the store",
    "resets": "Readers told to reload a room",
    "lags": "Connections that became slow readers",
    "ring_hits": "Catch-ups answered from memory",
    "ring_misses": "Catch-ups that had to ask the store",
    "audits": "Comparisons of positions with the store",
    "audit_failures": "Such comparisons that the store did not answer",
    "audit_heals": "Rooms and users that they found behind: hints had been lost",
}

_SIZES = {
    "connections": "Open sockets and event streams",
    "rooms": "Rooms that somebody here listens to, or did until a moment ago",
    "users": "Users who are connected here",
    "subscriptions": "Subjects of the bus that the node listens to",
    "tasks": "Tasks of the event loop",
}


class Stats:
    """Counts since the start of the process."""

    __slots__ = (*_HELP, "writes_kept")

    def __init__(self) -> None:
        for name in _HELP:
            setattr(self, name, 0)
        self.writes_kept: deque[Write] = deque(maxlen=_WRITES_KEPT)
        """The last fan-outs: one entry for all the recipients and all the events of a turn."""

    events: int
    deliveries: int
    writes: int
    fan_out_seconds: float
    activities: int
    drops: int
    gaps: int
    heals: int
    resets: int
    lags: int
    ring_hits: int
    ring_misses: int
    audits: int
    audit_failures: int
    audit_heals: int


class _StatsCollector(Collector):
    def __init__(self, stats: Stats, sizes: dict[str, Callable[[], int]]) -> None:
        self._stats = stats
        self._sizes = sizes

    def collect(self) -> Iterator[Metric]:
        for name, words in _HELP.items():
            yield CounterMetricFamily(f"chatcraft_gateway_{name}", words, value=getattr(self._stats, name))
        for name, read in self._sizes.items():
            yield GaugeMetricFamily(f"chatcraft_gateway_{name}", _SIZES[name], value=read())


def expose(stats: Stats, sizes: dict[str, Callable[[], int]]) -> Callable[[], None]:
    """Let Prometheus read the counts, and the sizes as gauges; returns how to take them out again."""
    collector = _StatsCollector(stats, sizes)
    REGISTRY.register(collector)
    return lambda: REGISTRY.unregister(collector)


async def measure_loop_lag() -> None:
    """Measure for ever how late a timer runs: what every frame waits at such a moment."""
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + _LAG_EVERY_S
        await asyncio.sleep(_LAG_EVERY_S)
        LOOP_LAG.set(max(0.0, loop.time() - due_s))
