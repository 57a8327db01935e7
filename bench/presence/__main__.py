"""`python -m bench.presence [--quick]`: 10,000 people online, 50 watched by each, a part of them flapping.

Shows what presence costs beside what changes: twice the flapping should cost twice, and twice as many watched
no more in Redis. Quick figures show that it works, no more.
"""

import argparse
import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import redis.asyncio
import uvloop
from prometheus_client.parser import text_string_to_metric_families

from bench.gateway.system import System, run_system
from bench.load import report
from bench.load.load_process import LoadProcess
from bench.load.measure import CpuMeter
from bench.load.pinning import Cores, TooFewCores, choose_cores
from bench.load.population import Person
from bench.presence.flapping import FlappingNode
from bench.presence.limit import measure_limit
from shared import kv
from shared.bus import Bus
from tests.stack import ARTIFACTS

# One process holds fewer than 20,000 descriptors.
_PER_PROCESS = 5_000
# Each who flaps toggles so often; their changes are gathered to one a second.
_PERIOD_S = 2.0
_SETTLED_S = 5.0
_SEED = 1


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How many, and how long. A minute holds one re-reading of everybody watched."""

    online: int = 10_000
    seconds: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row."""

    watched: int
    flapping: float

    @property
    def name(self) -> str:
        return f"{self.watched} watched, {self.flapping:.0%} flapping"


FULL, QUICK = Effort(), Effort(online=600, seconds=6.0)
# Those who watch more come last, on sockets of their own.
CASES = {
    50: [Case(watched=50, flapping=share) for share in (0.0, 0.05, 0.10)],
    100: [Case(watched=100, flapping=share) for share in (0.0, 0.05)],
}
_FLAPPING_MAX = 0.10


async def run(cores: Cores, effort: Effort) -> dict[str, Any]:
    """Run all cases on one system; people stay the same, their sockets are opened anew for other watches."""
    figures: dict[str, Any] = {"online": effort.online, "seconds": effort.seconds, "cases": {}}
    async with run_system(cores) as system:
        redis_url = system.stack.endpoints.redis_url
        limit = measure_limit(redis_url, system.stack.find("valkey").pid, min(effort.seconds, 10.0))
        figures["limit"] = await limit
        flapping = round(effort.online * _FLAPPING_MAX)
        people = await system.add_people(effort.online)
        async with _lone_node(system, people[:flapping]) as node:
            for watched, cases in CASES.items():
                async with _watching(system, people[flapping:], people, watched):
                    for case in cases:
                        print(f"{case.name} …", file=sys.stderr, flush=True)
                        figures["cases"][case.name] = await _measure(system, effort, case, node)
    return figures | {"growth": _compare(figures["cases"])}


@asynccontextmanager
async def _lone_node(system: System, people: list[Person]) -> AsyncIterator[FlappingNode]:
    bus = await Bus.connect([system.stack.endpoints.nats_url_by_user["gateway"]], "gateway")
    try:
        async with FlappingNode(bus, [each.id for each in people], _PERIOD_S) as node:
            yield node
    finally:
        await bus.close()


@asynccontextmanager
async def _watching(
    system: System, watchers: list[Person], people: list[Person], watched: int
) -> AsyncIterator[None]:
    """Open a socket for each watcher; whom they watch is drawn evenly from all."""
    await system.renew_gateway()
    draw = random.Random(_SEED)
    ids = [each.id for each in people]
    async with AsyncExitStack() as stack:
        for start in range(0, len(watchers), _PER_PROCESS):
            part = watchers[start : start + _PER_PROCESS]
            commands = [[("presence.watch", {"user_ids": draw.sample(ids, watched)})] for _ in part]
            plan = replace(system.plan(part), commands=commands)
            crowd = await stack.enter_async_context(LoadProcess(plan))
            await crowd.call("open", 0, len(part))
        yield


async def _measure(system: System, effort: Effort, case: Case, node: FlappingNode) -> dict[str, float]:
    await node.bring_back()
    await asyncio.sleep(_SETTLED_S)
    client = kv.create_client(system.stack.endpoints.redis_url)
    try:
        before, transitions = await _count(system, client), node.transitions
        meter = _meter(system)
        await node.flap(effort.seconds, round(effort.online * case.flapping))
        cores = meter.read()
        after = await _count(system, client)
    finally:
        await client.aclose()
    per_s = {name: round((after[name] - before[name]) / effort.seconds, 1) for name in after}
    return {"transitions_per_s": round((node.transitions - transitions) / effort.seconds, 1)} | per_s | cores


def _meter(system: System) -> CpuMeter:
    find = system.stack.find
    pids = {name: find(name).pid for name in ("presence", "gateway", "valkey", "nats")}
    return CpuMeter({f"{name}_cores": pid for name, pid in pids.items()})


async def _count(system: System, client: redis.asyncio.Redis) -> dict[str, float]:
    """Return what Redis was asked, with what its scripts do in it, and what presence said."""
    stats = await client.info("commandstats")
    async with httpx2.AsyncClient(timeout=30) as http:
        text = (await http.get(system.stack.health_url("presence") + "/metrics")).text
    told = sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "chatcraft_presence_announcements_total" and sample.labels["outcome"] == "told"
    )
    scripts = stats.get("cmdstat_evalsha", {}).get("calls", 0)
    commands = sum(each["calls"] for each in stats.values())
    return {"scripts_per_s": scripts, "redis_commands_per_s": commands, "signals_per_s": told}


def _compare(cases: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return how costs grow, each less what silence costs."""
    quiet, five, ten, quiet_100, five_100 = cases.values()

    def ratio(name: str, more: tuple[Any, Any], less: tuple[Any, Any]) -> float:
        return round((more[0][name] - more[1][name]) / max(less[0][name] - less[1][name], 1e-9), 2)

    names = ("presence_cores", "gateway_cores", "redis_commands_per_s", "signals_per_s")
    return {f"twice_the_flapping_{name}": ratio(name, (ten, quiet), (five, quiet)) for name in names} | {
        f"twice_the_watched_{name}": ratio(name, (five_100, quiet_100), (five, quiet)) for name in names
    }


def show(figures: dict[str, Any], effort: Effort) -> None:
    """Print tables, and write the figures."""
    for name, row in figures["cases"].items():
        report.show(
            f"{figures['online']:,} online, {name}", [(key, f"{value:,}") for key, value in row.items()]
        )
    report.show(
        "How it grows, less what silence costs", [(k, f"{v:g} times") for k, v in figures["growth"].items()]
    )
    report.show("The limit: `hold` alone, back to back", [(k, f"{v:,}") for k, v in figures["limit"].items()])
    path = report.save("presence", figures, report.RESULTS if effort is FULL else ARTIFACTS / "bench")
    print(f"\nwritten to {path}")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small and short; written to test-artifacts/")
    effort = QUICK if parser.parse_args().quick else FULL
    for name in [each for each in os.environ if each.startswith("CHATCRAFT_")]:
        del os.environ[name]
    try:
        cores = choose_cores()
    except TooFewCores as exc:
        sys.exit(str(exc))
    show(uvloop.run(run(cores, effort)), effort)


if __name__ == "__main__":
    main()
