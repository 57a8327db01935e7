"""When to come back after a connection ended: close code and counters in, a plan out. Pure."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from shared.contracts.close_codes import CloseCode

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
# From here on a close code means: do not come back.
_FINAL_CODES = 4500
_DRAIN_DEFAULT_MS = 5_000


@dataclass(frozen=True, slots=True)
class Plan:
    """Reconnect after `delay_s`, or never."""

    delay_s: float
    refresh_first: bool = False
    is_final: bool = False


def jitter_s(attempt: int, uniform: Callable[[float, float], float] = random.uniform) -> float:
    """Return full jitter: anything from zero to the doubling ceiling, so that a crowd spreads out."""
    return uniform(0, min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(attempt, 10)))


def plan_after_close(
    code: int | None,
    attempt: int,
    drain_ms: int | None = None,
    uniform: Callable[[float, float], float] = random.uniform,
) -> Plan:
    """Decide by the close code; `attempt` counts failures in a row, `drain_ms` is what `draining` said."""
    if code is not None and code >= _FINAL_CODES:
        return Plan(0, is_final=True)
    if code == CloseCode.DRAINING:
        return Plan(uniform(0, (_DRAIN_DEFAULT_MS if drain_ms is None else drain_ms) / 1000))
    return Plan(jitter_s(attempt, uniform), refresh_first=code == CloseCode.TOKEN_EXPIRED)
