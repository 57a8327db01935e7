"""A flood of logins: what the message path feels of it, and how what is too much is answered."""

import asyncio
from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.accounts.accounts import add_accounts
from bench.accounts.effort import Effort
from bench.accounts.flood_session import FloodSession
from bench.accounts.signing_in import find_address
from bench.load.load_process import LoadProcess
from bench.load.measure import CpuMeter
from bench.load.plan import Plan
from bench.load.talk import Talk, talk_paced
from bench.store.system import System

ROOMS, MEMBERS, PER_S = 25, 10, 200.0
# More than may wait for the hashing threads, so that the pool fills and says so.
LINKS = 400
_BEFORE_S = 1.0


async def measure_flood(system: System, effort: Effort) -> dict[str, Any]:
    """The same messages without and with a flood, in turns, over the same connections.

    The limits on guesses are far away: these are logins from everywhere, which no limit of an address holds.
    """
    host, port = find_address(system)
    names = await add_accounts(system, effort.accounts)
    plan = Plan(kind="chatcraft", server_pid=0, host=host, port=port)
    quiet, flooded, floods = [], [], []
    async with system.talk(ROOMS, MEMBERS) as talk, LoadProcess(plan, FloodSession) as flood:
        await flood.call("open", LINKS)
        await talk_paced(talk, 0.0, effort.warm_s, PER_S)
        for _ in range(effort.flood_repeats):
            quiet.append(await _talk(system, talk, effort))
            flooding = asyncio.create_task(
                flood.call("flood", _BEFORE_S + effort.warm_s + effort.flood_s, effort.flood_per_s, names)
            )
            await asyncio.sleep(_BEFORE_S)
            meter = CpuMeter({"flood": flood.pid})
            flooded.append(await _talk(system, talk, effort))
            flooded[-1]["cores_used"] |= meter.read()
            floods.append(await flooding)
    return {
        "rooms": ROOMS, "members": MEMBERS, "messages_per_s": PER_S, "offered_per_s": effort.flood_per_s,
        "quiet": _summarise(quiet), "flooded": _summarise(flooded), "flood": _add_up(floods),
    }  # fmt: skip


async def _talk(system: System, talk: Talk, effort: Effort) -> dict[str, Any]:
    meter = system.meter()
    found = await talk_paced(talk, effort.warm_s, effort.flood_s, PER_S)
    return found | {"cores_used": meter.read()}


def _summarise(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return medians of the runs; what went wrong is added up."""
    return {
        **{
            part: {
                name: round(median(run[part][name] for run in runs), 2)
                for name in ("p50_ms", "p99_ms", "max_ms")
            }
            for part in ("ack", "last_delivery")
        },
        **{
            name: sum(run[name] for run in runs)
            for name in ("said", "unacked", "copies_missing", "copies_doubled")
        },
        "refused": sum(sum(run["refused"].values()) for run in runs),
        "cores_used": {
            name: round(median(run["cores_used"][name] for run in runs), 2) for name in runs[0]["cores_used"]
        },
    }


def _add_up(floods: Sequence[dict[str, Any]]) -> dict[str, Any]:
    statuses: dict[str, int] = {}
    for each in floods:
        for status, count in each["statuses"].items():
            statuses[status] = statuses.get(status, 0) + count
    return {
        "statuses": statuses,
        "answered_per_s": round(median(each["answered_per_s"] for each in floods)),
        "refused_p99_ms": round(median(each["refused_p99_ms"] for each in floods), 1),
        "not_offered": sum(each["not_offered"] for each in floods),
    }
