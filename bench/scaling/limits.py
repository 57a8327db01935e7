"""What does not get less by adding more of it, and how many people fill it. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.scaling.demand import FULL_CORE, Behaviour, Demand, reckon
from bench.scaling.units import Units

_GIB = 1024**3
_POSTGRES_CORES = 32
_WAL_BYTES_PER_S = 200e6
_NATS_BYTES = 16 * _GIB
_SEARCHED_UP_TO = 100_000_000


@dataclass(frozen=True)
class Limit:
    """One thing, how large the largest is that is given to it, and how much of it so many people use."""

    name: str
    size: str
    used: Callable[[Demand], float]
    full: float


@dataclass(frozen=True)
class Found:
    """At how many people it is full."""

    limit: Limit
    users: int


LIMITS = (
    Limit("Redis: CPU", f"one core, {FULL_CORE:.0%} of it", lambda demand: demand.redis_cores, FULL_CORE),
    Limit("PostgreSQL's primary: CPU", f"{_POSTGRES_CORES} cores, {FULL_CORE:.0%} of them",
          lambda demand: demand.postgres_cores, _POSTGRES_CORES * FULL_CORE),
    Limit("PostgreSQL's primary: CPU without the audits", f"{_POSTGRES_CORES} cores, {FULL_CORE:.0%} of them",
          lambda demand: demand.postgres_cores - demand.postgres_audit_cores, _POSTGRES_CORES * FULL_CORE),
    Limit("PostgreSQL's primary: WAL", f"{_WAL_BYTES_PER_S / 1e6:.0f} MB/s",
          lambda demand: demand.wal_bytes_per_s, _WAL_BYTES_PER_S),
    Limit("the feed of NATS, which has one leader: events", "what two cores did",
          lambda demand: demand.load.messages / demand.units["fed_per_s"], 1.0),
    Limit("a server of NATS: memory for subjects", f"{_NATS_BYTES / _GIB:.0f} GiB",
          lambda demand: demand.nats_bytes, _NATS_BYTES),
)  # fmt: skip


def find_limits(behaviour: Behaviour, units: Units, limits: Sequence[Limit] = LIMITS) -> list[Found]:
    """Return at how many people online each is full, the first that is first."""
    found = [Found(each, _find_full(each, behaviour, units)) for each in limits]
    return sorted(found, key=lambda each: each.users)


def _find_full(limit: Limit, behaviour: Behaviour, units: Units) -> int:
    """All that is used grows with the number of people: halve the range, to one part in a hundred."""
    low, high = 1_000, _SEARCHED_UP_TO
    while high > low * 1.01:
        middle = (low + high) // 2
        if limit.used(reckon(middle, behaviour, units)) > limit.full:
            high = middle
        else:
            low = middle
    return low
