"""The limit beside it: the same scripts on the same Redis, back to back and with nobody around."""

import asyncio
import time

from bench.load.measure import cpu_s
from services.presence.domain import Timing
from services.presence.store import Came, Store
from shared import kv
from shared.ids import new_id

_USERS = 2_000
# As many as a node names at once when 250 users a second come and go.
_NAMED = 25
_AT_ONCE = 16


async def measure_limit(redis_url: str, redis_pid: int, seconds: float) -> dict[str, float]:
    """Let users come and go by `hold` alone; returns transitions for each second of Redis's CPU."""
    client = kv.create_client(redis_url)
    store = Store(client, Timing(), prefix="bench-presence")
    try:
        holders = [f"{new_id()}:{new_id()}" for _ in range(_AT_ONCE)]
        for holder in holders:
            await store.hold(holder, [], [], begins=True, count=None)
        end_s = time.perf_counter() + seconds
        before_s, started_s = cpu_s(redis_pid), time.perf_counter()
        counts = await asyncio.gather(*(_flap(store, holder, end_s) for holder in holders))
        used_s, elapsed_s = cpu_s(redis_pid) - before_s, time.perf_counter() - started_s
        keys = [key async for key in client.scan_iter("bench-presence:*", count=1_000)]
        for start in range(0, len(keys), 1_000):
            await client.unlink(*keys[start : start + 1_000])
    finally:
        await client.aclose()
    return {
        "named_per_call": _NAMED,
        "evalsha_per_s": round(sum(counts) / elapsed_s),
        "transitions_per_s": round(sum(counts) * _NAMED / elapsed_s),
        "transitions_per_redis_core_s": round(sum(counts) * _NAMED / max(used_s, 0.01)),
        "redis_cores": round(used_s / elapsed_s, 3),
    }


async def _flap(store: Store, holder: str, end_s: float) -> int:
    users = [new_id() for _ in range(_USERS // _AT_ONCE)]
    calls = 0
    while time.perf_counter() < end_s:
        for start in range(0, len(users), _NAMED):
            named = users[start : start + _NAMED]
            await store.hold(holder, [Came(each, 0, 1) for each in named], [], begins=True, count=None)
            await store.hold(holder, [], named, begins=True, count=None)
            calls += 2
    return calls
