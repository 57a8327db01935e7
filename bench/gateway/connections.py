"""What connections cost that do nothing: their memory, their share of a core, and how fast they come."""

import asyncio
from contextlib import AsyncExitStack
from statistics import median
from typing import Any

from bench.gateway.effort import Effort
from bench.gateway.system import System
from bench.load.load_process import LoadProcess
from bench.load.measure import cpu_s, rss_bytes, summarise_repeats

_WARM = 100
# One process holds fewer than 20,000 descriptors.
_PER_PROCESS = 7_500
_SETTLED_S = 2.0


async def measure_memory(system: System, effort: Effort) -> dict[str, Any]:
    """Open up to the largest number, each connection of another person; note memory on the way."""
    return {
        f"{rooms_each}_rooms": await _fill(system, effort, rooms_each, idle_at=None)
        for rooms_each in effort.rooms_each
    }


async def measure_idle(system: System, effort: Effort) -> dict[str, Any]:
    """Fill a fresh gateway and let everybody be silent, pings apart."""
    figures: dict[str, Any] = await _fill(
        system, effort, max(effort.rooms_each), idle_at=effort.idle_connections
    )
    return figures


async def _fill(system: System, effort: Effort, rooms_each: int, idle_at: int | None) -> dict[str, Any]:
    await system.renew_gateway()
    goals = [idle_at] if idle_at else list(effort.connections)
    people = await system.add_people(goals[-1], rooms_each)
    plan = system.plan(people)
    found: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        crowds = [
            await stack.enter_async_context(LoadProcess(plan)) for _ in range(-(-goals[-1] // _PER_PROCESS))
        ]
        open_now = await _open(crowds, 0, _WARM)
        await system.settle()
        before_bytes = rss_bytes(system.gateway_pid)
        for goal in goals:
            open_now = await _open(crowds, open_now, goal)
            await system.settle()
            used_bytes = rss_bytes(system.gateway_pid) - before_bytes
            found[str(goal)] = {"rss_bytes_per_connection": round(used_bytes / (goal - _WARM))}
        if idle_at:
            found["idle"] = await _idle(system, effort, crowds)
    await asyncio.sleep(_SETTLED_S)
    return found


async def _open(crowds: list[LoadProcess], first: int, goal: int) -> int:
    """Open sockets until there are `goal`, each process as many as it may hold; returns the goal."""
    while first < goal:
        place = first // _PER_PROCESS
        count = min(goal, (place + 1) * _PER_PROCESS) - first
        await crowds[place].call("open", first, count)
        first += count
    return goal


async def _idle(system: System, effort: Effort, crowds: list[LoadProcess]) -> dict[str, Any]:
    meter = system.meter({f"load-{place}": crowd.pid for place, crowd in enumerate(crowds)})
    await asyncio.sleep(effort.idle_s)
    return {"connections": effort.idle_connections, "seconds": effort.idle_s, "cores_used": meter.read()}


async def measure_connects(system: System, effort: Effort) -> dict[str, Any]:
    """Handshake, `ready` and `sync`, 64 on their way at a time, with one room and with many."""
    return {
        f"{rooms_each}_rooms": await _connect(system, effort, rooms_each) for rooms_each in effort.rooms_each
    }


async def _connect(system: System, effort: Effort, rooms_each: int) -> dict[str, Any]:
    await system.renew_gateway()
    rates, costs_us, shares, load = [], [], [], []
    people = await system.add_people(_WARM, rooms_each)
    async with LoadProcess(system.plan(people)) as crowd:
        await crowd.call("open", 0, _WARM)
    for _ in range(effort.repeats):
        people = await system.add_people(effort.connects, rooms_each)
        await system.settle()
        async with LoadProcess(system.plan(people)) as crowd:
            await crowd.call("open", 0, 1)
            before_s, load_s = cpu_s(system.gateway_pid), cpu_s(crowd.pid)
            taken_s = await crowd.call("open", 1, effort.connects - 1)
            used_s = cpu_s(system.gateway_pid) - before_s
            rates.append(effort.connects / taken_s)
            costs_us.append(used_s / effort.connects * 1e6)
            shares.append(used_s / taken_s)
            load.append((cpu_s(crowd.pid) - load_s) / taken_s)
    return {
        "connects_per_s": summarise_repeats(rates),
        "gateway_us_per_connect": summarise_repeats(costs_us),
        "server_cores": round(median(shares), 2),
        "generator_cores": round(median(load), 2),
    }
