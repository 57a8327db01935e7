"""How much is measured: everything, or a quick look that shows that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Sizes, windows and repeats of the scenarios."""

    rounds: int = 9
    """In which each contender delivers in turn."""
    repeats: int = 5
    window_s: float = 2.0
    room_sizes: tuple[int, ...] = (100, 1_000, 5_000)
    burst_members: int = 1_000
    bursts: tuple[int, ...] = (1, 4, 16, 32, 64)
    latency_rates: tuple[int, ...] = (1_000, 10_000, 50_000)
    """Deliveries a second."""
    latency_s: float = 20.0
    connections: tuple[int, ...] = (5_000, 15_000)
    rooms_each: tuple[int, ...] = (1, 20)
    idle_connections: int = 10_000
    idle_s: float = 60.0
    connects: int = 2_000
    attention_members: int = 5_000
    attention_events_per_s: float = 40
    attention_s: float = 8.0
    storm_clients: int = 5_000
    storm_repeats: int = 3


FULL = Effort()
QUICK = Effort(
    rounds=3,
    repeats=3,
    window_s=0.5,
    room_sizes=(100, 1_000),
    bursts=(1, 4, 32),
    latency_rates=(1_000, 10_000),
    latency_s=3.0,
    connections=(500, 1_000),
    idle_connections=1_000,
    idle_s=5.0,
    connects=300,
    attention_members=600,
    attention_s=3.0,
    storm_clients=500,
    storm_repeats=1,
)
