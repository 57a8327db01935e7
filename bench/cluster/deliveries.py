"""What a delivery costs on one gateway and on several: the same rooms, the same events, through HAProxy.

Two cores cannot show that three gateways deliver three times as much, but whether a unit's cost stays.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench.cluster.effort import Effort
from bench.cluster.system import System, add_up
from bench.load.load_process import LoadProcess
from bench.load.measure import summarise_repeats

DIRECT = "1 gateway, no HAProxy"
ONE = "1 gateway"
ALL = "3 gateways"
_KINDS = ("gateway", "nats", "haproxy")
_IN_FLIGHT = 6

Repeat = dict[str, float]


async def measure_deliveries(system: System, effort: Effort) -> dict[str, Any]:
    """Rounds of all shapes, each with fresh gateways and people."""
    first, *others = system.list_names("gateway")
    rows: dict[str, list[dict[str, Repeat]]] = {DIRECT: [], ONE: [], ALL: []}
    for _ in range(effort.rounds):
        async with _without(system, others):
            await system.cluster.restart(first)
            rows[DIRECT].append(await _measure(system, effort, system.cluster.gateway_urls[0]))
            rows[ONE].append(await _measure(system, effort, system.cluster.url))
        await system.cluster.restart(first)
        rows[ALL].append(await _measure(system, effort, system.cluster.url))
    return {
        "rooms": effort.rooms,
        "members": effort.room_size,
        "shapes": {
            name: {way: _summarise([each[way] for each in repeats]) for way in repeats[0]}
            for name, repeats in rows.items()
        },
    }


@asynccontextmanager
async def _without(system: System, names: list[str]) -> AsyncIterator[None]:
    await asyncio.gather(*(system.cluster.children[name].stop() for name in names))
    try:
        yield
    finally:
        await asyncio.gather(*map(system.cluster.restart, names))


async def _measure(system: System, effort: Effort, url: str) -> dict[str, Repeat]:
    size = effort.room_size
    people = await system.population.add_people(effort.rooms * size)
    # Neighbours in one room: HAProxy deals them out in turns, so that each room is on every gateway.
    rooms = await system.population.add_rooms(
        [people[start : start + size] for start in range(0, len(people), size)]
    )
    async with LoadProcess(system.plan(people, rooms, url)) as crowd:
        await crowd.call("open", 0, len(people))
        await crowd.call("learn")
        await crowd.call("one_by_one", effort.window_s)  # warms up
        return {
            "one at a time": await _watch(system, crowd, "one_by_one", effort.window_s),
            "flat out": await _watch(system, crowd, "bursts", effort.window_s, 1, _IN_FLIGHT),
        }


async def _watch(system: System, crowd: LoadProcess, method: str, *args: Any) -> Repeat:
    meter = system.meter({"load": crowd.pid})
    figures = await crowd.call(method, *args)
    used_s = add_up(meter.read_s())
    costs = {f"{kind}_us": used_s.get(kind, 0.0) / figures["deliveries"] * 1e6 for kind in _KINDS}
    return costs | {
        "deliveries_per_s": figures["deliveries_per_s"],
        "generator_cores": figures["generator_cores"],
        "all_cores": sum(used_s.values()) / figures["seconds"],
    }


def _summarise(repeats: list[Repeat]) -> dict[str, Any]:
    return {name: summarise_repeats([each[name] for each in repeats]) for name in repeats[0]}
