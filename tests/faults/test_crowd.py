"""A crowd that is cut off at once, and a node that NATS cuts off: everybody whole, the store hardly asked."""

import asyncio
import json
import random
import signal
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest

from bench.load.population import Population
from tests.faults.observing import count_store_requests, on_bus, read_gateway, read_server_log
from tests.faults.talking import created, hears_all, list_all, talking
from tests.stack import Stack
from tests.wire import Person, Socket, check_follows, eventually, messages_in

CLIENTS = 300
# Seven to ten are usual, the audits of two nodes among them.
REQUESTS_MAX = CLIENTS // 10
SEED = random.SystemRandom().randrange(2**32)
MESSAGES_REPLICAS = 2
# More than the kernel keeps for a socket on both ends; from there on NATS waits for the gateway, 10 s long.
JUNK_MESSAGES, JUNK_BYTES = 60, 500_000


class Reader:
    """One of the crowd, over all its connections."""

    def __init__(self, token: str, room_id: str) -> None:
        self.position: dict[str, int] = {}
        self.seen: dict[str, int] = {}
        self.socket: Socket
        self._token = token
        self._room_id = room_id
        self._taken = 0

    async def connect(self, url: str, opened: AsyncExitStack) -> None:
        self.socket = await opened.enter_async_context(Socket.open(url, self._token))
        self._taken = 0

    async def catch_up(self) -> None:
        held = {self._room_id: self.position} if self.position else {}
        [element] = (await self.socket.call("sync", {"rooms": held}))["rooms"]
        assert element["state"] in ({"current", "caught_up"} if held else {"new"}), f"seed {SEED}"
        self._take(element["messages"])
        self.position = element["position"]

    def cut(self) -> None:
        """Follow what came until now, then vanish without a word."""
        self.follow()
        self.socket.websocket.transport.abort()

    def follow(self) -> None:
        """Take what has come; each frame must go on where the one before ended."""
        frames = self.socket.of_room(self._room_id)
        for frame in frames[self._taken :]:
            check_follows(frame, self.position["rev"])
            if frame["ev"] != "room.changes":
                assert frame["d"]["id"] not in self.seen, f"came twice, seed {SEED}"
            self._take(messages_in(frame))
            self.position = {"epoch": frame["epoch"], "rev": frame["rev"]}
        self._taken = len(frames)

    def has_all(self, message_ids: list[str]) -> bool:
        self.follow()
        return len(self.seen) >= len(message_ids)

    def _take(self, messages: list[Any]) -> None:
        for message in messages:
            assert self.seen.setdefault(message["id"], message["seq"]) == message["seq"]


async def gather_crowd(broken: Stack, http: httpx2.AsyncClient) -> tuple[Person, str, list[Reader]]:
    """Return somebody who can talk in a room of all, the room, and its readers."""
    secret = broken.find("auth").program.env["CHATCRAFT_SECRET_KEY"]
    population = Population(broken.endpoints.database_url, secret)
    people = await population.add_people(CLIENTS)
    [room] = await population.add_rooms([people])
    owner = people[0]
    talker = Person(broken.gateway_urls[0], {"id": owner.id}, {"access_token": owner.token}, http)
    return talker, room.id, [Reader(person.token, room.id) for person in people]


async def come(readers: list[Reader], urls: list[str], chance: random.Random, opened: AsyncExitStack) -> None:
    """Connect them all, and only then catch up: at once on a busy machine, too."""
    await asyncio.gather(*(each.connect(chance.choice(urls), opened) for each in readers))
    await asyncio.gather(*(each.catch_up() for each in readers))


@pytest.mark.parametrize("memory", ["warm", "cold"])
async def test_a_crowd_cut_at_once_comes_back_whole_and_hardly_asks_the_store(
    broken: Stack, http: httpx2.AsyncClient, memory: str
) -> None:
    owner, room_id, readers = await gather_crowd(broken, http)
    chance = random.Random(SEED)
    urls = broken.gateway_urls
    async with AsyncExitStack() as opened:
        await come(readers, urls, chance, opened)
        async with talking(owner, room_id) as talker:
            await eventually(lambda: len(talker.acked) > 10)
            if memory == "warm":  # without a reader a node forgets a room in 10 s, which a crowd may take
                for url in urls:
                    await opened.enter_async_context(owner.socket(url))
            for each in readers:
                each.cut()
            if memory == "cold":
                await broken.kill("gateway", 1, signal.SIGKILL)
                await broken.restart("gateway", 1)
                urls = urls[1:]
            missed = len(talker.acked) + 5
            await eventually(lambda: len(talker.acked) > missed)
            hits = await read_gateway(broken, 1, "ring_hits_total")
            misses = await read_gateway(broken, 1, "ring_misses_total")
            requests = await count_store_requests(broken, MESSAGES_REPLICAS)
            await come(readers, urls, chance, opened)
            requests = await count_store_requests(broken, MESSAGES_REPLICAS) - requests
        await eventually(lambda: all(each.has_all(talker.acked) for each in readers))
        # On a cold node many wait together for the one answer that fills its memory.
        misses_max = CLIENTS if memory == "cold" else CLIENTS // 10
        assert await read_gateway(broken, 1, "ring_hits_total") - hits > CLIENTS / 4, f"seed {SEED}"
        assert await read_gateway(broken, 1, "ring_misses_total") - misses <= misses_max, f"seed {SEED}"
    assert requests < REQUESTS_MAX, f"seed {SEED}"
    stored = await list_all(owner, room_id)
    assert all(sorted(each.seen, key=each.seen.__getitem__) == stored for each in readers)


async def test_a_gateway_that_nats_cut_off_as_slow_heals_all_rooms(
    broken: Stack, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    silent_id = await anna.create_room(members=(bert,))
    async with bert.socket() as socket, talking(anna, room_id) as talker:
        await eventually(lambda: len(created(socket, room_id)) > 5)
        cuts = read_server_log(broken, "nats").count("Slow Consumer")
        await broken.kill("gateway", 1, signal.SIGSTOP)
        async with on_bus(broken, "messages") as bus:
            junk = {"ev": "message.created", "room_id": room_id, "epoch": 1, "rev": 1, "d": "x" * JUNK_BYTES}
            for _ in range(JUNK_MESSAGES):
                await bus.publish(f"chat.room.{room_id}.message.created", json.dumps(junk).encode())
            await bus.flush(60)
        once = await anna.send(silent_id, "said while the node was cut off")
        await eventually(lambda: read_server_log(broken, "nats").count("Slow Consumer") > cuts)
        await broken.kill("gateway", 1, signal.SIGCONT)
        await socket.wait_for(lambda frame: once["id"] in json.dumps(frame))
        talker.stop()
        await hears_all(socket, talker)
        assert socket.close_code is None
        assert await list_all(anna, room_id) == talker.acked
