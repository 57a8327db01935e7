"""A soak: people come, go, break off, join, leave, talk and stop reading, over two gateways, for minutes.

`make soak MINUTES=10`, or `python -m bench.soak [--minutes 10] [--people 80] [--seed 1]`. It ends well if
nothing was left behind once everybody has gone: no task, descriptor, subscription, room; and memory is flat.
"""

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression, median

import httpx2
import uvloop

from bench.load.measure import rss_bytes
from bench.load.people import Account, create_room
from bench.load.population import Person, Population
from bench.load.sockets import Frame, LoadSocket, open_socket
from deploy.local.data_dir import DataDir
from shared.ids import new_id
from tests.stack import Stack

ROOMS = 12
GATEWAYS = 2
HELD = ("connections", "rooms", "users", "subscriptions", "tasks")
SAMPLE_S = 2.0
EMPTY_WAIT_S = 40.0
MIB = 1024 * 1024
# Memory fills rings and pools at first: only the second half of a run of minutes says anything.
JUDGED_MINUTES = 5
GROWTH_MAX = 1.10
# How often each is done among the others.
ACTS = {"send": 8, "join": 4, "leave": 1, "type": 2, "watch": 1, "sync": 2, "stall": 1}
# Answers that belong to it: somebody else was quicker, or the socket went in the middle of a command.
EXPECTED = {"ok", "conflict", "forbidden", "not_found", "closed"}
_CODE = re.compile(rb'"code":"(\w+)"')
_METRIC = re.compile(r"^(\w+) ([0-9.e+]+)$", re.MULTILINE)


@dataclass
class Tally:
    """What was done, and how it was answered."""

    done: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    events: int = 0

    def on_event(self, _socket: LoadSocket, _frame: Frame, _now_s: float) -> None:
        self.events += 1

    @property
    def unexpected(self) -> dict[str, int]:
        return {code: count for code, count in self.answers.items() if code not in EXPECTED}


class Visitor:
    """One person, who visits again and again."""

    def __init__(
        self, person: Person, urls: list[str], rooms: list[str], tally: Tally, chance: random.Random
    ) -> None:
        self._person = person
        self._urls = urls
        self._rooms = rooms
        self._tally = tally
        self._chance = chance

    async def visit_until(self, end_s: float) -> None:
        while time.monotonic() < end_s:
            socket = await self._come()
            if socket is None:
                continue
            for _ in range(self._chance.randint(0, 12)):
                if socket.is_open and time.monotonic() < end_s:
                    await self._act(socket)
            self._go(socket)
            await asyncio.sleep(self._chance.random())

    async def _come(self) -> LoadSocket | None:
        url = self._chance.choice(self._urls)
        try:
            socket = await open_socket(url, self._person.token, self._tally.on_event)
        except (OSError, TimeoutError, AssertionError):
            self._tally.answers["not_connected"] += 1
            return None
        self._tally.done["connects"] += 1
        return socket

    async def _act(self, socket: LoadSocket) -> None:
        room_id = self._chance.choice(self._rooms)
        match self._chance.choices(list(ACTS), list(ACTS.values()))[0]:
            case "send":
                text = "x" * self._chance.choice((50, 500, 15_000))
                await self._call(socket, "messages.send", {"room_id": room_id, "id": new_id(), "text": text})
            case "join":
                await self._call(socket, "rooms.join", {"room_id": room_id})
            case "leave":
                await self._call(socket, "rooms.leave", {"room_id": room_id})
            case "type":
                await self._call(socket, "typing.start", {"room_id": room_id})
            case "watch":
                await self._call(socket, "presence.watch", {"user_ids": [self._person.id]})
            case "sync":
                await self._call(socket, "sync", {"rooms": {}})
            case _:
                await self._stall(socket)

    async def _call(self, socket: LoadSocket, op: str, d: dict[str, object]) -> None:
        self._tally.done[op] += 1
        try:
            reply = await asyncio.wait_for(socket.call(op, d), 15)
        except ConnectionError:
            self._tally.answers["closed"] += 1
            return
        except TimeoutError:
            self._tally.answers["no_answer" if socket.is_open else "closed"] += 1
            return
        found = _CODE.search(bytes(reply.error))
        self._tally.answers[found[1].decode() if found else "ok"] += 1

    async def _stall(self, socket: LoadSocket) -> None:
        """Read nothing for a while."""
        self._tally.done["stalls"] += 1
        transport = socket.transport.underlying_transport
        transport.pause_reading()
        await asyncio.sleep(self._chance.random() * 6)
        if socket.is_open:
            transport.resume_reading()

    def _go(self, socket: LoadSocket) -> None:
        """Leave: politely, without a word, or in the middle of a command."""
        match self._chance.randrange(3):
            case 0:
                self._tally.done["closes"] += 1
                socket.close()
            case 1:
                self._tally.done["cuts"] += 1
                socket.transport.underlying_transport.abort()
            case _:
                self._tally.done["cuts within a sync"] += 1
                asyncio.get_running_loop().call_later(
                    self._chance.random() * 0.01, socket.transport.underlying_transport.abort
                )
                self._leave_behind = asyncio.create_task(self._call(socket, "sync", {"rooms": {}}))


async def read_held(stack: Stack, index: int) -> dict[str, int]:
    """Return what a gateway holds: its gauges, and its descriptors."""
    async with httpx2.AsyncClient(timeout=10) as http:
        text = (await http.get(stack.health_url("gateway", index) + "/metrics")).text
    found = {name: float(value) for name, value in _METRIC.findall(text)}
    held = {name: int(found[f"chatcraft_gateway_{name}"]) for name in HELD}
    return held | {"descriptors": int(found["process_open_fds"])}


async def sample_memory(stack: Stack, samples: list[list[tuple[float, float]]]) -> None:
    """Note the resident memory of every gateway, in MiB, until cancelled."""
    started_s = time.monotonic()
    while True:
        for index in range(GATEWAYS):
            rss = rss_bytes(stack.find("gateway", index).pid) / MIB
            samples[index].append((time.monotonic() - started_s, rss))
        await asyncio.sleep(SAMPLE_S)


async def report_minutes(
    stack: Stack, tally: Tally, samples: list[list[tuple[float, float]]], started_s: float
) -> None:
    """Print a line a minute, until cancelled."""
    while True:
        await asyncio.sleep(60)
        held = [await read_held(stack, index) for index in range(GATEWAYS)]
        shown = "; ".join(
            f"gateway {index}: {each['connections']} sockets, {each['subscriptions']} subscriptions, "
            f"{each['tasks']} tasks, {each['descriptors']} fds, {samples[index][-1][1]:.0f} MiB"
            for index, each in enumerate(held)
        )
        minutes = (time.monotonic() - started_s) / 60
        print(
            f"{minutes:4.0f} min  {tally.done.total():,} acts, {tally.events:,} events; {shown}", flush=True
        )


async def wait_empty(stack: Stack, before: list[dict[str, int]]) -> list[str]:
    """Wait until every gateway holds no more than before; return what is left."""
    end_s = time.monotonic() + EMPTY_WAIT_S
    while True:
        left = [
            f"gateway {index}: {name} {value}, before {before[index][name]}"
            for index in range(GATEWAYS)
            for name, value in (await read_held(stack, index)).items()
            if value > before[index][name]
        ]
        if not left or time.monotonic() > end_s:
            return left
        await asyncio.sleep(1)


def judge_memory(samples: list[list[tuple[float, float]]], minutes: float) -> list[str]:
    """Print each gateway's memory over the second half; return who grew."""
    grown = []
    for index, taken in enumerate(samples):
        half = taken[len(taken) // 2 :]
        early = median(rss for _, rss in half[: len(half) // 2])
        late = median(rss for _, rss in half[len(half) // 2 :])
        slope, _ = linear_regression([at_s for at_s, _ in half], [rss for _, rss in half])
        print(
            f"gateway {index}: {late:.1f} MiB at the end, {slope * 3600:+.1f} MiB an hour in the second half"
        )
        if minutes >= JUDGED_MINUTES and late > early * GROWTH_MAX:
            grown.append(f"gateway {index}: memory grew from {early:.1f} to {late:.1f} MiB")
    if minutes < JUDGED_MINUTES:
        print(f"(memory is judged from {JUDGED_MINUTES} minutes on)")
    return grown


async def soak(stack: Stack, people: list[Person], minutes: float, seed: int) -> list[str]:
    """Run it; returns what is wrong."""
    tally, chance = Tally(), random.Random(seed)
    async with httpx2.AsyncClient(timeout=30) as http:
        owners = [Account(person.id, person.token) for person in people]
        rooms = [
            await create_room(http, stack.gateway_urls[0], [owner], "public") for owner in owners[:ROOMS]
        ]
    before = [await read_held(stack, index) for index in range(GATEWAYS)]
    samples: list[list[tuple[float, float]]] = [[] for _ in range(GATEWAYS)]
    started_s = time.monotonic()
    watching = [
        asyncio.create_task(sample_memory(stack, samples)),
        asyncio.create_task(report_minutes(stack, tally, samples, started_s)),
    ]
    visitors = [
        Visitor(person, stack.gateway_urls, rooms, tally, random.Random(chance.random())) for person in people
    ]
    await asyncio.gather(*(each.visit_until(started_s + minutes * 60) for each in visitors))
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    print("done: " + ", ".join(f"{count:,} {name}" for name, count in tally.done.most_common()))
    print("answers: " + ", ".join(f"{count:,} {code}" for code, count in tally.answers.most_common()))
    wrong = [f"{count} times {code}" for code, count in tally.unexpected.items()]
    wrong += await wait_empty(stack, before)
    return wrong + judge_memory(samples, minutes)


async def run(options: argparse.Namespace) -> int:
    """Start everything, soak, stop everything; returns the exit code."""
    with tempfile.TemporaryDirectory() as folder, DataDir.open(Path(folder) / "data") as data_dir:
        counts = {"auth": 1, "gateway": GATEWAYS, "messages": 1, "presence": 1}
        async with Stack("soak", data_dir, counts=counts, env={"CHATCRAFT_LOG_LEVEL": "warning"}) as stack:
            population = Population(stack.endpoints.database_url, data_dir.secret("secret_key"))
            people = await population.add_people(options.people, int(options.minutes * 60) + 600)
            print(f"{options.people} people, {GATEWAYS} gateways, seed {options.seed}", flush=True)
            wrong = await soak(stack, people, options.minutes, options.seed)
    for each in wrong:
        print(f"WRONG: {each}")
    print("something is wrong" if wrong else "nothing was left behind")
    return 1 if wrong else 0


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--people", type=int, default=80)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    sys.exit(uvloop.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
