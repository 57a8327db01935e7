"""What a delivery costs: one event at a time to a whole room, and bursts; the limit and the peers in turn."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median
from typing import Any

from bench.gateway.effort import Effort
from bench.gateway.system import System
from bench.load.load_process import LoadFailed, LoadProcess
from bench.load.measure import summarise_repeats
from bench.load.plan import Plan
from bench.peers.install import PeerMissing
from bench.peers.servers import PEERS, run_peer

OURS = "ChatCraft gateway"
RAW = "raw write loop"
_BURSTS_IN_FLIGHT = 3

Repeats = dict[str, list[dict[str, float]]]


async def measure_deliveries(system: System, effort: Effort) -> dict[str, Any]:
    """One event at a time, at each size of the room; every contender in every round."""
    return {
        "sizes": {
            str(size): await _compare(system, effort, size, [OURS, *PEERS]) for size in effort.room_sizes
        }
    }


async def _compare(system: System, effort: Effort, size: int, names: list[str]) -> dict[str, Any]:
    not_run: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        crowds: dict[str, LoadProcess] = {}
        for name in names:
            try:
                crowds[name] = await stack.enter_async_context(_gather(system, name, size))
            except (LoadFailed, PeerMissing) as exc:
                not_run[name] = str(exc)
        await system.settle()
        frame_bytes = await _tell_all(crowds, not_run, "learn")
        rounds = [
            await _tell_all(crowds, not_run, "one_by_one", effort.window_s) for _ in range(effort.rounds + 1)
        ][1:]  # the first round warms up
    repeats: Repeats = {name: [each[name] for each in rounds] for name in crowds}
    return {
        "contenders": {
            name: _summarise(each)
            | _compare_rounds(each, repeats.get(RAW, []), "times_the_limit")
            | _compare_rounds(each, repeats.get(OURS, []), "times_ours")
            | {"frame_bytes": frame_bytes[name]}
            for name, each in repeats.items()
        },
        "not_run": not_run,
    }


async def _tell_all(
    crowds: dict[str, LoadProcess], not_run: dict[str, str], method: str, *args: Any
) -> dict[str, Any]:
    """Tell one crowd after another; one that fails is left out from then on."""
    answers = {}
    for name, crowd in list(crowds.items()):
        try:
            answers[name] = await crowd.call(method, *args)
        except LoadFailed as exc:
            not_run[name] = str(exc)
            del crowds[name]
    return answers


@asynccontextmanager
async def _gather(system: System, name: str, size: int) -> AsyncIterator[LoadProcess]:
    """Start a contender with a room of that size, everybody connected."""
    async with AsyncExitStack() as stack:
        if name == OURS:
            plan = await _make_room(system, size)
        else:
            redis_url = system.stack.endpoints.redis_url
            plan = await stack.enter_async_context(run_peer(name, size, redis_url, system.cores.server))
        crowd = await stack.enter_async_context(LoadProcess(plan))
        await crowd.call("open", 0, size)
        yield crowd


async def _make_room(system: System, size: int) -> Plan:
    people = await system.population.add_people(size)
    return system.plan(people, await system.population.add_rooms([people]))


def _compare_rounds(
    repeats: list[dict[str, float]], others: list[dict[str, float]], name: str
) -> dict[str, Any]:
    """Return the ratio of the costs, each within its round; nothing where the other was not run."""
    ratios = [one["server_us"] / other["server_us"] for one, other in zip(repeats, others, strict=False)]
    return {name: summarise_repeats(ratios)} if ratios else {}


def _summarise(repeats: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "us_per_delivery": summarise_repeats([each["server_us"] for each in repeats]),
        "deliveries_per_s": round(median(each["deliveries_per_s"] for each in repeats)),
        "server_cores": round(median(each["server_cores"] for each in repeats), 2),
        "generator_cores": round(median(each["generator_cores"] for each in repeats), 2),
    }


async def measure_bursts(system: System, effort: Effort) -> dict[str, Any]:
    """Joined events into one room: how many deliveries a core makes."""
    rows: dict[str, Any] = {}
    async with _gather(system, OURS, effort.burst_members) as crowd:
        await system.settle()
        frame_bytes = await crowd.call("learn")
        for joined in effort.bursts:
            repeats = [
                await crowd.call("bursts", effort.window_s, joined, _BURSTS_IN_FLIGHT)
                for _ in range(effort.repeats + 1)
            ][1:]
            rows[str(joined)] = _summarise(repeats) | {
                "deliveries_per_core_s": summarise_repeats([1e6 / each["server_us"] for each in repeats])
            }
    return {"members": effort.burst_members, "frame_bytes": frame_bytes, "joined": rows}
