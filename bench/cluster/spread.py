"""What grows with the number of nodes: rooms of which a node has one member.

With many nodes most rooms are like this on each. On few nodes many members share a room, which hides it.
"""

import asyncio
import time
from typing import Any

from bench.cluster.effort import Effort
from bench.cluster.system import System, add_up
from bench.load.load_process import LoadProcess
from bench.load.measure import rss_bytes
from bench.load.population import MadeRoom, Person
from shared import calls
from shared.bus import Bus
from shared.contracts import internal

SHARED = "all in the same rooms"
ALONE = "each alone in theirs"
_NODE = "gateway-1"
_SETTLE_S = 5.0
# services/gateway/audit.py
_ASKED = 1_000
_IN_FLIGHT = 16


async def measure_spread(system: System, effort: Effort) -> dict[str, Any]:
    """The same people on one node: in the same rooms, then each in rooms of their own."""
    return {
        "people": effort.spread_people,
        "rooms_each": effort.spread_rooms_each,
        SHARED: await _fill(system, effort, is_alone=False),
        ALONE: await _fill(system, effort, is_alone=True),
    }


async def _fill(system: System, effort: Effort, *, is_alone: bool) -> dict[str, Any]:
    await system.cluster.restart(_NODE)
    people = await system.population.add_people(effort.spread_people)
    rooms = await _make_rooms(system, effort, people, is_alone=is_alone)
    before_bytes = rss_bytes(system.cluster.children[_NODE].pid)
    async with LoadProcess(system.plan(people, rooms, system.cluster.gateway_urls[0])) as crowd:
        await crowd.call("open", 0, len(people))
        await asyncio.sleep(_SETTLE_S)
        used_bytes = rss_bytes(system.cluster.children[_NODE].pid) - before_bytes
        idle = await _rest(system, effort)
        more = await _tell_each(system, effort, crowd, idle) if is_alone else {}
        if is_alone:
            more |= {"us_per_position": await _audit(system, effort, [room.id for room in rooms])}
    return {
        "rooms_on_node": len(rooms),
        "rss_bytes_per_connection": round(used_bytes / len(people)),
        "idle_cores": idle,
        **more,
    }


async def _make_rooms(
    system: System, effort: Effort, people: list[Person], *, is_alone: bool
) -> list[MadeRoom]:
    turns = range(effort.spread_rooms_each)
    if is_alone:
        return await system.population.add_rooms([[person] for _ in turns for person in people])
    return await system.population.add_rooms([people for _ in turns])


async def _rest(system: System, effort: Effort) -> dict[str, float]:
    """Return what each kind of process uses while nothing happens but audits, pings and leases."""
    meter = system.meter({})
    await asyncio.sleep(effort.idle_s)
    # The node that is measured stands for its kind: on the others nobody is.
    used = add_up(meter.read_s()) | {"gateway": meter.read_s()[_NODE]}
    return {kind: round(used_s / effort.idle_s, 4) for kind, used_s in used.items()}


async def _audit(system: System, effort: Effort, room_ids: list[str]) -> dict[str, float]:
    """Ask for positions as a node's audit does, one question after the other; return what one takes."""
    bus = await Bus.connect(system.cluster.endpoints.nats_url_by_user["gateway"].split(","), "gateway")
    asked = [
        internal.GetPositions(room_ids=room_ids[at : at + _ASKED]) for at in range(0, len(room_ids), _ASKED)
    ]
    count = 0
    try:
        meter = system.meter({})
        end_s = time.perf_counter() + effort.window_s
        while time.perf_counter() < end_s:
            for each in asked:
                found = await calls.call(bus, internal.POSITIONS, each, internal.Positions)
                count += len(found.rooms)
        used_s = add_up(meter.read_s())
    finally:
        await bus.close()
    return {kind: round(used_s[kind] / count * 1e6, 2) for kind in ("messages", "postgres", "nats")}


async def _tell_each(
    system: System, effort: Effort, crowd: LoadProcess, idle: dict[str, float]
) -> dict[str, Any]:
    """Return what an event costs that has one recipient, less silence: at a steady rate, and flat out."""
    await crowd.call("learn")
    found: dict[str, Any] = {}
    for way, method, args in (
        ("steady", "steady", (effort.window_s, effort.lone_events_per_s)),
        ("flat_out", "bursts", (effort.window_s, 1, _IN_FLIGHT)),
    ):
        meter = system.meter({})
        figures = await crowd.call(method, *args)
        used_s = {"gateway": meter.read_s()[_NODE], "nats": add_up(meter.read_s())["nats"]}
        costs = {kind: used - idle[kind] * figures["seconds"] for kind, used in used_s.items()}
        found[f"{way}_us_per_event"] = {
            **{kind: round(cost_s / figures["deliveries"] * 1e6, 1) for kind, cost_s in costs.items()},
            "per_s": figures["deliveries_per_s"],
        }
    return found
