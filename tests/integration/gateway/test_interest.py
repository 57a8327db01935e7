"""Exact interest under storms: whoever comes and goes, a node hears the rooms that are heard on it, no other.

The real hub and bus against a NATS server of this module's own, which is asked what it holds.
"""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from services.gateway.hub import Hub
from services.gateway.outlet import QueueOutlet
from services.gateway.room import ActiveRoom
from services.gateway.stats import Stats
from shared.background import Background
from shared.bus import Bus, subjects
from shared.contracts import internal
from shared.ids import new_id
from tests.wire import WAIT_S, eventually

STEPS = 10_000
SUBSCRIBERS = 40
LINGER_S = 0.05
SEED = random.SystemRandom().randrange(2**32)


class Server:
    """A NATS server with its monitoring port."""

    def __init__(self, ports: dict[str, list[str]], http: httpx2.AsyncClient) -> None:
        self.url = ports["nats"][0]
        self._monitor = ports["monitoring"][0]
        self._http = http

    async def list_subjects(self) -> list[str]:
        """Return what clients are subscribed to at present, each as often as it is."""
        shown = (await self._http.get(f"{self._monitor}/connz?subs=1")).json()
        return sorted(
            subject for each in shown["connections"] for subject in each.get("subscriptions_list", [])
        )


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp("nats")
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "nats-server", "-a", "127.0.0.1", "-p", "-1", "-m", "-1",
        "--ports_file_dir", folder, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        ports = await eventually(lambda: read_ports(folder))
        async with httpx2.AsyncClient(timeout=WAIT_S) as http:
            yield Server(ports, http)
    finally:
        process.terminate()
        await process.wait()


def read_ports(folder: Path) -> dict[str, list[str]] | None:
    found = list(folder.glob("*.ports"))
    return json.loads(found[0].read_text()) if found and found[0].stat().st_size else None


class Reader:
    """A subscriber that only counts."""

    user_id = "user"
    can_take = True

    def __init__(self) -> None:
        self.room: ActiveRoom | None = None
        self.written = 0
        self.outlet = QueueOutlet(self.write)

    def write(self, frames: bytes) -> None:
        self.written += 1


class Node:
    """A hub on a bus of its own, as in a gateway; healing finds nothing new."""

    def __init__(self, bus: Bus, background: Background) -> None:
        self.bus = bus
        self.hub = Hub(bus, background, Stats(), self._fetch, crowd_size=SUBSCRIBERS + 1, linger_s=LINGER_S)
        self.hub.on_left = lambda _room, _user_id: None
        self.hub.on_reset = lambda _room, _stale: None
        self.readers = [Reader() for _ in range(SUBSCRIBERS)]

    async def _fetch(self, asked: internal.RoomAfter) -> internal.RoomChanged:
        raise AssertionError("nothing was lost, so nothing is asked for")

    def attach(self, reader: Reader, room_id: str, rev: int = 0) -> None:
        reader.room = self.hub.expect(room_id, reader)
        cursor = reader.room.cursor
        reader.room.place(reader, 1, rev if cursor is None else cursor.rev)

    def detach(self, reader: Reader) -> None:
        if reader.room is not None:
            self.hub.detach(reader.room, reader)
            reader.room = None

    @property
    def subscription_count(self) -> int:
        return len(self.bus._client._subs)


@pytest.fixture
async def nodes(server: Server) -> AsyncIterator[list[Node]]:
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            bus = await Bus.connect([server.url], "gateway")
            stack.push_async_callback(bus.close)
            made.append(Node(bus, await stack.enter_async_context(Background())))
        yield made


def event(room_id: str, rev: int) -> bytes:
    return b'{"ev":"message.created","room_id":"%b","epoch":1,"rev":%d,"d":{}}' % (room_id.encode(), rev)


def held_by_this_process() -> tuple[int, int]:
    """Count tasks and descriptors."""
    return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))


async def test_a_storm_on_one_room_leaves_no_interest_behind(server: Server, nodes: list[Node]):
    before, before_here = await server.list_subjects(), [each.subscription_count for each in nodes]
    held = held_by_this_process()
    room_id, chance = new_id(), random.Random(SEED)
    for step in range(STEPS):
        node = chance.choice(nodes)
        reader = chance.choice(node.readers)
        if reader.room is None:
            node.attach(reader, room_id)
        else:
            node.detach(reader)
        if step % 50 == 0:
            await let_some_time_pass(nodes, chance)
    await leave_all(nodes)
    await eventually(lambda: is_all_gone(server, nodes, before))
    assert [each.subscription_count for each in nodes] == before_here, f"seed {SEED}"
    await eventually(lambda: held_by_this_process() <= held)


async def test_a_storm_of_lone_readers_opens_and_closes_the_room_each_time(server: Server, nodes: list[Node]):
    """Every leaver is the last one, and the linger ends at every moment of the next one's stay."""
    before = await server.list_subjects()
    room_id, chance = new_id(), random.Random(SEED)
    for _ in range(50):
        node = chance.choice(nodes)
        node.attach(node.readers[0], room_id)
        await asyncio.sleep(chance.random() * LINGER_S * 1.2)
        assert room_id in node.hub.rooms_by_id
        assert node.readers[0].room is node.hub.rooms_by_id[room_id], f"seed {SEED}"
        node.detach(node.readers[0])
        await asyncio.sleep(chance.random() * LINGER_S * 1.2)
    await eventually(lambda: is_all_gone(server, nodes, before))


async def test_after_the_storm_whoever_stayed_hears_and_the_others_do_not(server: Server, nodes: list[Node]):
    here, there = nodes
    room_id, chance = new_id(), random.Random(SEED)
    stayed, left = here.readers[0], here.readers[1]
    here.attach(stayed, room_id)
    for _ in range(STEPS // 10):
        reader = chance.choice(here.readers[1:])
        if reader.room is None:
            here.attach(reader, room_id)
        else:
            here.detach(reader)
    here.detach(left)
    written_to_left = left.written
    await here.bus.flush()
    subject = subjects.room_event(room_id, "message.created")
    for rev in range(1, 21):
        await there.bus.publish(subject, event(room_id, rev))
    await eventually(lambda: stayed.written and stayed.room and stayed.room.cursor.rev == 20)
    assert left.written == written_to_left
    subscribed = [each for each in await server.list_subjects() if room_id in each]
    assert len(subscribed) == 2, "one for events, one for signals, however many came and went"
    await leave_all(nodes)
    await eventually(lambda: is_all_gone(server, nodes, []))


async def test_disconnects_within_a_loop_turn_of_many_rooms_leave_nothing(server: Server, nodes: list[Node]):
    """As when a thousand sockets of many rooms go at once, and half of them come back at once."""
    before, chance = await server.list_subjects(), random.Random(SEED)
    room_ids = [new_id() for _ in range(200)]
    for _ in range(10):
        for node in nodes:
            for reader in node.readers:
                node.attach(reader, chance.choice(room_ids))
        await asyncio.sleep(0)
        await leave_all(nodes)
    assert all(len(node.hub.rooms_by_id) <= len(room_ids) for node in nodes)
    await eventually(lambda: is_all_gone(server, nodes, before))


async def let_some_time_pass(nodes: list[Node], chance: random.Random) -> None:
    """Now and then longer than the linger, so that rooms close in the middle of it all."""
    if chance.random() < 0.1:
        await leave_all(nodes)
        await asyncio.sleep(chance.random() * LINGER_S * 2)
    else:
        await asyncio.sleep(0)


async def leave_all(nodes: list[Node]) -> None:
    for node in nodes:
        for reader in node.readers:
            node.detach(reader)


async def is_all_gone(server: Server, nodes: list[Node], before: list[str]) -> bool:
    if any(node.hub.rooms_by_id for node in nodes):
        return False
    for node in nodes:
        await node.bus.flush()
    shown = await server.list_subjects()
    return [each for each in shown if each.startswith("chat.")] == [
        each for each in before if each.startswith("chat.")
    ]
