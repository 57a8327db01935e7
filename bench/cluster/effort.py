"""How much is measured: everything, or a quick look that shows that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Sizes, windows and repeats of the scenarios."""

    rounds: int = 2
    rooms: int = 3
    room_size: int = 1_000
    window_s: float = 2.5
    connections: int = 15_000
    warm_connections: int = 300
    """Open before memory is looked at for the first time."""
    talk_per_s: float = 40.0
    quiet_s: float = 12.0
    """How long the same traffic is looked at with nobody killed."""
    gone_s: float = 90.0
    """How long those of a killed gateway may take."""
    rolling_clients: int = 1_500
    rolling_per_s: float = 100.0
    calm_s: float = 4.0
    spread_people: int = 1_500
    spread_rooms_each: int = 20
    idle_s: float = 30.0
    """Two audits."""
    subjects: int = 300_000
    copied: int = 2_000
    fed: int = 20_000
    lone_events_per_s: float = 1_000.0


FULL = Effort()
QUICK = Effort(
    rounds=1,
    room_size=100,
    window_s=1.0,
    connections=600,
    warm_connections=60,
    quiet_s=5.0,
    rolling_clients=200,
    rolling_per_s=40.0,
    calm_s=2.0,
    spread_people=100,
    idle_s=8.0,
    subjects=30_000,
    copied=500,
    fed=2_000,
    lone_events_per_s=300.0,
)
