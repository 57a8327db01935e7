"""What a very large room costs when hardly anybody looks, beside one of clients that never say where."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from statistics import median
from typing import Any

from bench.gateway.effort import Effort
from bench.gateway.system import System
from bench.load.load_process import LoadProcess
from bench.load.measure import summarise_repeats

ALL = "everybody hears everything"
FEW = "1 % look, the others rest"
_SHARE = 0.01


async def measure_attention(system: System, effort: Effort) -> dict[str, Any]:
    """Two rooms of the same size take turns at the same events a second; silence between is taken off."""
    members, looking = effort.attention_members, round(effort.attention_members * _SHARE)
    rate = effort.attention_events_per_s
    async with AsyncExitStack() as stack:
        crowds = {
            name: await stack.enter_async_context(_gather(system, members, count))
            for name, count in ((ALL, None), (FEW, looking))
        }
        await system.settle()
        rounds = [await _take_turns(crowds, effort) for _ in range(effort.repeats + 1)][
            1:
        ]  # the first warms up
    return {
        "members": members,
        "looking": looking,
        "events_per_s": rate,
        "rooms": {name: _summarise([each[name] for each in rounds]) for name in crowds},
        "times_less": summarise_repeats(
            [each[ALL]["us_per_event"] / each[FEW]["us_per_event"] for each in rounds]
        ),
    }


async def _take_turns(crowds: dict[str, LoadProcess], effort: Effort) -> dict[str, dict[str, float]]:
    silence = await crowds[ALL].call("steady", effort.attention_s, 0)
    found = {}
    for name, crowd in crowds.items():
        row = await crowd.call("steady", effort.attention_s, effort.attention_events_per_s)
        used_s = (row["server_cores"] - silence["server_cores"]) * row["seconds"]
        found[name] = row | {"us_per_event": used_s / row["deliveries"] * 1e6}
    return found


@asynccontextmanager
async def _gather(system: System, members: int, looking: int | None) -> AsyncIterator[LoadProcess]:
    people = await system.population.add_people(members)
    rooms = await system.population.add_rooms([people])
    plan = system.plan(people, rooms)
    if looking is not None:
        here, elsewhere = [[("rooms.focus", {"room_ids": ids})] for ids in ([rooms[0].id], [])]
        plan = replace(plan, commands=[here] * looking + [elsewhere] * (members - looking))
    async with LoadProcess(plan) as crowd:
        await crowd.call("open", 0, members)
        yield crowd


def _summarise(rows: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "us_per_event": summarise_repeats([row["us_per_event"] for row in rows]),
        "bytes_per_event": round(median(row["bytes"] / row["deliveries"] for row in rows)),
        "server_cores": round(median(row["server_cores"] for row in rows), 3),
        "generator_cores": round(median(row["generator_cores"] for row in rows), 3),
    }
