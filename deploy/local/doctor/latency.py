"""How long a server takes to answer: of a few tries the middle one, as a busy machine delays some."""

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

_TRIES = 5


async def measure(ask: Callable[[], Awaitable[Any]]) -> float:
    """Return the median in seconds; raises what `ask` raises."""
    taken = []
    for _ in range(_TRIES):
        started_s = time.perf_counter()
        await ask()
        taken.append(time.perf_counter() - started_s)
    return statistics.median(taken)
