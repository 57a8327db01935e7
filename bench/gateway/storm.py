"""Everybody is cut at once and comes back: how long until all are whole, and what PostgreSQL was asked."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import httpx2

from bench.gateway.effort import Effort
from bench.gateway.system import System
from bench.load.followers import FollowersSession
from bench.load.load_process import LoadProcess
from bench.load.measure import summarise_repeats
from bench.load.population import MadeRoom
from bench.load.statements import StatementLog
from shared.ids import new_id

_ROOMS_EACH = 5
_ROOM_SIZE = 100
_MESSAGES_PER_ROOM = 2
_SENDING_AT_ONCE = 8
_LOGGED_S = 2.0
_TEXT = "x" * 200

Messages = dict[str, list[str]]


async def measure_storm(system: System, effort: Effort) -> dict[str, Any]:
    """Timed storms first; then one with every statement logged, less what the sends alone cost."""
    await system.renew_gateway()
    people = await system.population.add_people(effort.storm_clients)
    rooms = await system.population.add_rooms(
        [
            (people[turn:] + people[:turn])[start : start + _ROOM_SIZE]
            for turn in range(_ROOMS_EACH)
            for start in range(0, len(people), _ROOM_SIZE)
        ]
    )
    async with LoadProcess(system.plan(people), FollowersSession) as followers:
        await followers.call("come")
        storms = [await _cut(system, rooms, followers) for _ in range(effort.storm_repeats + 1)][1:]
        queries = await _count_queries(system, rooms, followers)
    return {
        "clients": len(people),
        "rooms_each": _ROOMS_EACH,
        "messages_while_cut": len(rooms) * _MESSAGES_PER_ROOM,
        **{name: summarise_repeats([storm[name] for storm in storms]) for name in ("synced_s", "whole_s")},
        **{name: sum(storm[name] for storm in storms) for name in ("lost", "doubled", "gaps", "resets")},
        "elements": {name: storms[-1].get(name, 0) for name in ("current", "caught_up", "reset", "new")},
        "cores_used": storms[-1]["cores_used"],
        "queries": queries,
        "queries_per_client": round(queries / len(people), 3),
    }  # fmt: skip


async def _cut(system: System, rooms: Sequence[MadeRoom], followers: LoadProcess) -> dict[str, Any]:
    """One storm, with messages sent through the gateway from its first moment on."""
    await system.settle()
    messages = {room.id: [new_id() for _ in range(_MESSAGES_PER_ROOM)] for room in rooms}
    meter = system.meter({"load": followers.pid})
    storm = asyncio.create_task(followers.call("storm", messages))
    await _send(system, rooms, messages)
    figures: dict[str, Any] = await storm
    return figures | {"cores_used": meter.read()}


async def _send(system: System, rooms: Sequence[MadeRoom], messages: Messages) -> None:
    gate = asyncio.Semaphore(_SENDING_AT_ONCE)

    async def send(http: httpx2.AsyncClient, room: MadeRoom, message_id: str) -> None:
        url = f"{system.stack.gateway_urls[0]}/api/v1/rooms/{room.id}/messages"
        headers = {"Authorization": f"Bearer {room.members[0].token}"}
        async with gate:
            response = await http.post(url, json={"id": message_id, "text": _TEXT}, headers=headers)
            response.raise_for_status()

    async with httpx2.AsyncClient(timeout=60) as http:
        await asyncio.gather(
            *(send(http, room, each) for turn in range(_MESSAGES_PER_ROOM) for room in rooms
              for each in messages[room.id][turn : turn + 1])
        )  # fmt: skip


async def _count_queries(system: System, rooms: Sequence[MadeRoom], followers: LoadProcess) -> int:
    """Return how many statements of a storm are not those of its sends, by PostgreSQL's own log."""
    messages = {room.id: [new_id() for _ in range(_MESSAGES_PER_ROOM)] for room in rooms}
    async with StatementLog(system.admin_url, system.postgres_log) as log:
        started = log.count()
        began_s = time.perf_counter()
        await _send(system, rooms, messages)
        await asyncio.sleep(_LOGGED_S)
        alone_s, alone = time.perf_counter() - began_s, log.count() - started
        # What runs by the clock (audits, sweeps) is in both; the storm is given the same time to end in.
        started = log.count()
        await _cut(system, rooms, followers)
        await asyncio.sleep(min(alone_s, _LOGGED_S))
        return max(0, log.count() - started - alone)
