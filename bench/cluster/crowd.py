"""15,000 people on three gateways: what a connection takes, and a third of them losing their gateway."""

import asyncio
import time
from typing import Any

from bench.cluster.effort import Effort
from bench.cluster.system import System, add_up
from bench.load.load_process import LoadProcess
from bench.load.members_session import MembersSession
from bench.load.statements import StatementLog

_ROOMS_EACH = 5
# HAProxy holds half as many connections as descriptors, of which a process has 20,000 in many places.
_PER_DOOR = 9_000
_KILLED = "gateway-2"
_POLL_S = 0.25
_SETTLE_S = 30.0
_FELT = ("ack", "delivery", "deliveries")


async def measure_crowd(system: System, effort: Effort) -> dict[str, Any]:
    """Fill the gateways, let people talk, kill one of them."""
    for _ in range((effort.connections - 1) // _PER_DOOR):
        await system.add_door()
    try:
        await _warm(system, effort)
        before = system.read_memory()
        people = await system.add_people(effort.connections, _ROOMS_EACH)
        async with LoadProcess(system.plan(people), MembersSession) as members:
            connecting = await _connect(system, effort, members, before)
            return connecting | {"killed": await _kill(system, effort, members)}
    finally:
        await system.remove_doors()
        await system.cluster.restart(_KILLED)


async def _warm(system: System, effort: Effort) -> None:
    """Let every part grow what it needs for anybody at all."""
    people = await system.add_people(effort.warm_connections, _ROOMS_EACH)
    async with LoadProcess(system.plan(people), MembersSession) as members:
        await members.call("come")


async def _connect(
    system: System, effort: Effort, members: LoadProcess, before: dict[str, int]
) -> dict[str, Any]:
    meter = system.meter({"load": members.pid})
    taken_s = await members.call("come")
    used_s = add_up(meter.read_s())
    after = system.read_memory()
    come = await members.call("read")
    return {
        "connections": effort.connections,
        "rooms_each": _ROOMS_EACH,
        "gateways": len(system.list_names("gateway")),
        "haproxys": len(system.list_names("haproxy")),
        "seconds": round(taken_s, 2),
        "connects_per_s": round(effort.connections / taken_s),
        "failed_attempts": come["failed_attempts"],
        "us_per_connect": {
            kind: round(value / effort.connections * 1e6) for kind, value in used_s.items() if value > 0
        },
        "rss_bytes_per_connection": {
            kind: round((value - before.get(kind, 0)) / effort.connections) for kind, value in after.items()
        },
    }


async def _kill(system: System, effort: Effort, members: LoadProcess) -> dict[str, Any]:
    await members.call("talk", effort.talk_per_s)
    async with system.log_statements() as log:
        quiet, statements_per_s = await _stay(effort, members, log)
        await members.call("begin")
        started, killed_s = log.count(), time.perf_counter()
        await system.cluster.kill(_KILLED)
        meter = system.meter({"load": members.pid})
        found = await _wait_whole(effort, members)
        cores = meter.read()
        whole_s = found["whole_at_s"] - killed_s
        queries = log.count() - started - statements_per_s * (time.perf_counter() - killed_s)
    found = await members.call("settle", _SETTLE_S)
    cut = max(found["cut"], 1)
    return {
        "clients": found["cut"],
        "whole_s": round(whole_s, 2),
        "not_whole": found["not_whole"],
        "away": found["away"],
        "lost": found["lost"],
        "doubled": found["doubled"],
        "gaps": found["gaps"],
        "unanswered": found["unanswered"],
        "refused": found["refused"],
        "repeated": found["repeated"],
        "close_codes": found["close_codes"],
        "failed_attempts": found["failed_attempts"],
        "rooms_answered": {name: found.get(name, 0) for name in ("current", "caught_up", "reset", "new")},
        "messages_per_s": effort.talk_per_s,
        "queries": round(max(queries, 0)),
        "queries_per_client": round(max(queries, 0) / cut, 4),
        "others_before": {name: quiet[name] for name in _FELT},
        "others_meanwhile": {name: found[name] for name in _FELT},
        "cores_used": cores,
    }  # fmt: skip


async def _stay(effort: Effort, members: LoadProcess, log: StatementLog) -> tuple[dict[str, Any], float]:
    """Return what the traffic is like with nobody killed, and the statements it takes a second."""
    await asyncio.sleep(effort.calm_s)
    await members.call("begin")
    started, started_s = log.count(), time.perf_counter()
    await asyncio.sleep(effort.quiet_s)
    per_s = (log.count() - started) / (time.perf_counter() - started_s)
    return await members.call("read"), per_s


async def _wait_whole(effort: Effort, members: LoadProcess) -> dict[str, Any]:
    """Return once all that were cut are whole again, or it has taken too long."""
    end_s = time.perf_counter() + effort.gone_s
    cut, not_whole = 0, 0
    while (not cut or not_whole) and time.perf_counter() < end_s:
        await asyncio.sleep(_POLL_S)
        cut, not_whole = await members.call("count_cut")
    found: dict[str, Any] = await members.call("read")
    return found
