"""What goes wrong when: a pure function of the seed, so that a failing seed can be run again.

Knows names, no process and no clock; `troubles.py` does what is said here.
"""

import random
from dataclasses import dataclass

from tests.nats_cluster import NAMES as NATS

COUNTS = {"auth": 2, "messages": 2, "presence": 2, "gateway": 3}
GATEWAYS = tuple(f"gateway-{index}" for index in range(COUNTS["gateway"]))
SERVICES = tuple(f"{service}-{index}" for service, count in COUNTS.items() for index in range(count))

_STORE = {"auth": "postgres", "messages": "postgres", "presence": "valkey"}
DOORS = tuple(f"clients~{gateway}" for gateway in GATEWAYS)
STORE_LINKS = tuple(
    f"{service}~{_STORE[kind]}" for service in SERVICES if (kind := service.partition("-")[0]) in _STORE
)
BUS_LINKS = tuple(f"{service}~{server}" for service in SERVICES for server in NATS)
LINKS = (*DOORS, *STORE_LINKS, *BUS_LINKS)
"""One proxy each: `<who connects>~<to whom>`."""

# `auth-0~nats` is all three ways to the bus at once: a lost one is replaced by another, or was not in use.
_ALL_WAYS = tuple(f"{service}~nats" for service in SERVICES)
_CUTTABLE = (*DOORS * 2, *STORE_LINKS, *BUS_LINKS, *_ALL_WAYS * 2)
_FIRST_S, _PAUSE_S = 1.0, (0.4, 3.0)


@dataclass(frozen=True)
class Kind:
    """A kind of trouble: whom it can befall, how often beside the others, and for how long."""

    what: str
    weight: int
    whom: tuple[str, ...]
    lasts_s: tuple[float, float] = (0.0, 0.0)


KINDS = (
    Kind("cut", 4, _CUTTABLE),
    Kind("refuse", 3, _CUTTABLE, (0.5, 5)),
    Kind("silence", 4, _CUTTABLE, (1, 12)),
    Kind("silence to the server", 2, _CUTTABLE, (1, 8)),
    Kind("silence to the client", 2, _CUTTABLE, (1, 8)),
    Kind("slow", 3, _CUTTABLE, (2, 8)),
    Kind("orphan", 2, _CUTTABLE, (2, 10)),
    Kind("kill", 6, (*SERVICES, *SERVICES, *NATS, "valkey", "postgres"), (0.2, 4)),
    Kind("stop", 4, (*SERVICES, *NATS, "valkey", "postgres"), (0.2, 2)),
    Kind("freeze", 4, (*SERVICES, *NATS, "valkey", "postgres"), (0.5, 7)),
    Kind("flush", 1, ("valkey",)),
    Kind("end sessions", 2, ("chatcraft-auth", "chatcraft-messages", "chatcraft-%")),
    Kind("roll", 1, ("gateways",), (10, 10)),
)


@dataclass(frozen=True)
class Trouble:
    """One thing that goes wrong. It is over by itself `lasts_s` after it began."""

    at_s: float
    what: str
    whom: str
    lasts_s: float

    def __str__(self) -> str:
        length = f" for {self.lasts_s:.1f} s" if self.lasts_s else ""
        return f"{self.at_s:6.1f} s  {self.what} {self.whom}{length}"


def plan(seed: int, seconds: float) -> list[Trouble]:
    """Return a schedule in the order of time, the same for the same seed; all is over after `seconds`.

    Troubles overlap, but nothing is in two at once: who is frozen is not killed meanwhile.
    """
    chance = random.Random(seed)
    planned: list[Trouble] = []
    busy_until_s: dict[str, float] = {}
    at_s = _FIRST_S
    while at_s < seconds:
        trouble = _draw(chance, at_s, seconds)
        claimed = claims(trouble)
        if all(busy_until_s.get(each, 0.0) <= at_s for each in claimed):
            planned.append(trouble)
            busy_until_s |= dict.fromkeys(claimed, at_s + trouble.lasts_s)
            at_s = round(at_s + chance.uniform(*_PAUSE_S), 1)
    return planned


def claims(trouble: Trouble) -> frozenset[str]:
    """Return what the trouble has to itself: processes, or one process's links to a store."""
    if trouble.what == "roll":
        return frozenset(GATEWAYS)
    who, way, whom = trouble.whom.partition("~")
    return frozenset({who + way + whom.rstrip("0123456789-")} if who != "clients" else {trouble.whom})


def _draw(chance: random.Random, at_s: float, seconds: float) -> Trouble:
    [kind] = chance.choices(KINDS, [each.weight for each in KINDS])
    whom = chance.choice(kind.whom)
    lasts_s = min(chance.uniform(*kind.lasts_s), seconds - at_s)
    return Trouble(at_s, kind.what, whom, round(lasts_s, 1))
