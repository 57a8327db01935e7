"""Everything is restarted, one process after the other, while people talk: what do they notice?"""

import asyncio
import time
from typing import Any

from bench.cluster.effort import Effort
from bench.cluster.system import System
from bench.load.load_process import LoadProcess
from bench.load.members_session import MembersSession

_ROOMS_EACH = 5
# Services, bus, gateways: the order of docs/operations.md.
_DOOR = "gateway"
_ORDER = ("messages", "auth", "presence", "nats", _DOOR)
_SETTLE_S = 40.0
_FELT = ("ack", "delivery")


async def measure_rolling(system: System, effort: Effort) -> dict[str, Any]:
    """Restart every process but the stores and HAProxy; the next one when the last is ready again."""
    people = await system.add_people(effort.rolling_clients, _ROOMS_EACH)
    async with LoadProcess(system.plan(people), MembersSession) as members:
        await members.call("come")
        await members.call("begin")
        await members.call("talk", effort.rolling_per_s)
        await asyncio.sleep(effort.calm_s)
        quiet = await members.call("read")
        await members.call("begin")
        started_s = time.perf_counter()
        steps = {kind: await _restart(system, effort, kind, members) for kind in _ORDER[:-1]}
        behind = await members.call("read")
        steps[_DOOR] = await _restart(system, effort, _DOOR, members)
        taken_s = time.perf_counter() - started_s
        found = await members.call("settle", _SETTLE_S)
    return {
        "clients": effort.rolling_clients,
        "messages_per_s": effort.rolling_per_s,
        "seconds": round(taken_s, 1),
        "restarted": sum(len(system.list_names(kind)) for kind in _ORDER),
        "quiet": {name: quiet[name] for name in _FELT},
        "behind_the_gateways": {name: behind[name] for name in _FELT},
        "steps": steps,
        **{name: found[name] for name in (
            "acked", "unanswered", "refused", "repeated", "failed_attempts", "lost", "doubled", "gaps",
            "resets", "cut", "not_whole", "close_codes", "away",
        )},
    }  # fmt: skip


async def _restart(system: System, effort: Effort, kind: str, members: LoadProcess) -> dict[str, Any]:
    """Restart all of a kind; return what is new among what went otherwise than usual."""
    before = await members.call("read")
    started_s = time.perf_counter()
    for name in system.list_names(kind):
        await system.cluster.restart(name)
        await asyncio.sleep(effort.calm_s)
    after = await members.call("read")
    return {
        "seconds": round(time.perf_counter() - started_s, 1),
        "cut": after["cut"] - before["cut"],
        **{name: _more(before[name], after[name]) for name in ("repeated", "failed_attempts", "close_codes")},
    }


def _more(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: count - before.get(name, 0) for name, count in after.items() if count > before.get(name, 0)}
