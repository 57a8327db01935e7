"""Durable sends a second through the whole path, sockets in and sockets out, and what each has cost."""

import asyncio
from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.load.load_process import LoadFailed
from bench.load.measure import summarise_repeats
from bench.load.talk import Talk, talk_flat_out, talk_paced
from bench.store.counters import Counters, measure_disk, read_counters
from bench.store.effort import Effort
from bench.store.system import Shape, System, list_shapes, run_system

MANY_ROOMS = "100 rooms of 5"
ONE_ROOM = "one room of 64"
# (rooms, members, messages that each member keeps under way). A gateway forwards those of a connection to one
# room in turns: what comes while one is under way goes together in the next.
LOADS = {MANY_ROOMS: (100, 5, 2), ONE_ROOM: (1, 64, 4)}
_PACED_ROOMS, _PACED_MEMBERS, PACED_PER_S = 25, 20, 500.0


async def measure_sends(effort: Effort) -> dict[str, Any]:
    """Both loads on each shape; every shape is a deployment of its own, from empty tables."""
    found: dict[str, Any] = {}
    for shape in list_shapes(effort.services, effort.writers_of_one):
        try:
            async with run_system(shape) as system:
                found[shape.name] = {name: await _measure(system, effort, name) for name in LOADS}
        except LoadFailed as exc:
            found[shape.name] = {"not_run": str(exc)}
    return found


async def _measure(system: System, effort: Effort, name: str) -> dict[str, Any]:
    rooms, members, window = LOADS[name]
    async with system.talk(rooms, members) as talk:
        await _warm(talk, effort)
        before, (batches, jobs) = await _read_counters(system, effort), await system.read_batches()
        meter = system.meter()
        repeats = [
            await talk_flat_out(talk, effort.warm_s, effort.window_s, window) for _ in range(effort.repeats)
        ]
        cores = meter.read()
        batches_after, jobs_after = await system.read_batches()
        after = await _read_counters(system, effort)
    return {
        **summarise_talk(repeats),
        **after.since(before),
        "commands_per_batch": round((jobs_after - jobs) / max(batches_after - batches, 1), 1),
        "disk": await measure_disk(system.database_url, after.messages),
        "cores_used": cores,
    }


async def _warm(talk: Talk, effort: Effort) -> None:
    """Plans and caches are for a running service; a first round is thrown away."""
    await talk_flat_out(talk, 0.2, effort.warm_s, 1)


async def _read_counters(system: System, effort: Effort) -> Counters:
    """Read what PostgreSQL counts once its backends have said it."""
    await asyncio.sleep(effort.counters_s)
    return await read_counters(system.database_url)


def summarise_talk(repeats: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return medians with their spread; what went wrong is added up."""
    wrong = ("unacked", "copies_missing", "copies_doubled")
    return {
        "per_s": summarise_repeats([each["per_s"] for each in repeats]),
        **{
            part: {
                name: round(median(each[part][name] for each in repeats), 2) for name in ("p50_ms", "p99_ms")
            }
            for part in ("ack", "last_delivery")
        },
        "messages": sum(each["said"] for each in repeats),
        **{name: sum(each[name] for each in repeats) for name in wrong},
        "refused": sum(sum(each["refused"].values()) for each in repeats),
    }


async def measure_paced(effort: Effort) -> dict[str, Any]:
    """A steady rate into rooms of twenty: how long to the ack, how long to the last of them."""
    async with run_system(Shape()) as system, system.talk(_PACED_ROOMS, _PACED_MEMBERS) as talk:
        await _warm(talk, effort)
        meter = system.meter()
        found = await talk_paced(talk, effort.warm_s, effort.paced_s, PACED_PER_S)
        return {**found, "rooms": _PACED_ROOMS, "members": _PACED_MEMBERS, "cores_used": meter.read()}
