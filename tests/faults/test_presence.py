"""Presence while processes die, stand still and come back: said within 15 s, and chat does not notice.

Real leases of ten seconds. The times asserted are those that the protocol promises.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from deploy.local.data_dir import DataDir
from shared import kv
from tests.stack import Stack
from tests.wire import Person, Refused, Socket, eventually

LEASE_S = 10
PROMISED_S = 15
# A lease, and what a loaded machine takes besides.
LONG_S = 40


@pytest.fixture(scope="module")
async def broken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """As in conftest, with two presence services."""
    counts = {"presence": 2, "messages": 1}
    with DataDir.open(tmp_path_factory.mktemp("presence") / "data") as data_dir:
        async with Stack("test_presence", data_dir, counts=counts) as running:
            yield running


class Watcher:
    """Somebody who watches people, and every status they were told."""

    def __init__(self, socket: Socket, people: tuple[Person, ...], snapshot: Any) -> None:
        self.socket = socket
        self.people = people
        self.first = {each["user_id"]: each["status"] for each in snapshot["presences"]}

    def told(self, person: Person) -> list[str]:
        """Return all statuses of a person in the order they came, the snapshot's first."""
        changes = [frame["d"] for frame in self.socket.frames if frame["ev"] == "presence.changed"]
        return [self.first[person.id], *(each["status"] for each in changes if each["user_id"] == person.id)]

    async def sees(self, person: Person, status: str, timeout_s: float = LONG_S) -> None:
        await eventually(lambda: self.told(person)[-1] == status, timeout_s)


@asynccontextmanager
async def watching(watcher: Person, *people: Person) -> AsyncIterator[Watcher]:
    """Watch from the watcher's home node, once those are all online."""
    async with watcher.socket() as socket:
        asked = {"user_ids": [person.id for person in people]}
        made = Watcher(socket, people, await socket.call("presence.watch", asked))
        for person in people:
            await made.sees(person, "online")
        yield made


async def test_a_killed_node_takes_its_users_offline_in_time_but_those_elsewhere(
    broken: Stack, folk: Any, anna: Person, bert: Person
) -> None:
    carl = await folk.register("carl", node=1)
    async with AsyncExitStack() as opened:
        for person, node in ((bert, 1), (carl, 1), (carl, 0)):
            await opened.enter_async_context(person.socket(broken.gateway_urls[node], sync=False))
        watcher = await opened.enter_async_context(watching(anna, bert, carl))
        killed_s = time.monotonic()
        await broken.kill("gateway", 1, signal.SIGKILL)
        await watcher.sees(bert, "offline")
        assert time.monotonic() - killed_s < PROMISED_S
        assert watcher.told(carl)[-1] == "online"
        assert "offline" not in watcher.told(carl)[1:]
    await broken.restart("gateway", 1)


async def test_a_node_that_stood_still_past_its_lease_re_adds_its_users(
    broken: Stack, anna: Person, bert: Person
) -> None:
    async with bert.socket(sync=False) as standing, watching(anna, bert) as watcher:
        await broken.kill("gateway", 1, signal.SIGSTOP)
        try:
            await watcher.sees(bert, "offline")
        finally:
            await broken.kill("gateway", 1, signal.SIGCONT)
        await watcher.sees(bert, "online")
        assert watcher.told(bert)[-2:] == ["offline", "online"]
        assert standing.close_code is None


async def test_redis_killed_is_rebuilt_nobody_is_called_offline_and_chat_goes_on(
    broken: Stack, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as reader, watching(anna, bert) as watcher:
        await broken.kill("valkey", number=signal.SIGKILL)
        message = await anna.send(room_id, "without Redis")
        await reader.wait_for_event("message.created", id=message["id"])
        await asyncio.sleep(LEASE_S + 1)  # the fault itself: longer than a lease without Redis
        await broken.restart("valkey")
        back_s = time.monotonic()
        await eventually(lambda: is_known_online(anna, bert), LONG_S)
        assert time.monotonic() - back_s < LEASE_S
        await outlast_a_sweep()
        assert "offline" not in watcher.told(bert)[1:]


async def test_redis_emptied_is_rebuilt_within_a_lease_and_nobody_is_called_offline(
    broken: Stack, anna: Person, bert: Person
) -> None:
    async with bert.socket(sync=False), watching(anna, bert) as watcher:
        async with kv.create_client(broken.endpoints.redis_url) as client:
            await client.flushall()
        flushed_s = time.monotonic()
        await eventually(lambda: is_known_online(anna, bert), LONG_S)
        assert time.monotonic() - flushed_s < LEASE_S
        await outlast_a_sweep()
        assert "offline" not in watcher.told(bert)[1:]


async def test_presence_services_killed_and_back_say_nothing_wrong_and_find_who_went_meanwhile(
    broken: Stack, folk: Any, anna: Person, bert: Person
) -> None:
    carl = await folk.register("carl", node=1)
    async with carl.socket(sync=False), AsyncExitStack() as gone:
        await gone.enter_async_context(bert.socket(sync=False))
        async with watching(anna, bert, carl) as watcher:
            for index in range(2):
                await broken.kill("presence", index, signal.SIGKILL)
            await gone.aclose()  # bert goes while nobody counts
            await asyncio.sleep(LEASE_S + 1)  # the fault itself: all leases run out meanwhile
            for index in range(2):
                await broken.restart("presence", index)
            await watcher.sees(bert, "offline")
            await outlast_a_sweep()
            assert "offline" not in watcher.told(carl)[1:]


async def test_a_node_cut_off_from_nats_shows_afterwards_what_it_did_not_hear(
    broken: Stack, anna: Person, bert: Person, proxied: Any
) -> None:
    proxy = await proxied("gateway", 0)
    async with AsyncExitStack() as opened:
        device = await opened.enter_async_context(bert.socket(sync=False))
        deaf = await opened.enter_async_context(watching(anna, bert))
        hearing = await opened.enter_async_context(watching(bert, bert))
        proxy.refuse()
        await device.call("presence.set", {"status": "dnd"})
        await hearing.sees(bert, "dnd")
        assert "dnd" not in deaf.told(bert)
        proxy.accept()
        await deaf.sees(bert, "dnd")


async def is_known_online(asker: Person, person: Person) -> bool:
    try:
        seen = await asker.rest("GET", "/presence", params={"user_ids": person.id})
    except Refused as refused:
        if refused.code != "unavailable":  # the way to Redis is only just being found again
            raise
        return False
    return bool(seen["presences"][0]["status"] == "online")


async def outlast_a_sweep() -> None:
    """Longer than a lease and a sweep: whoever would be called offline by mistake has been by then."""
    await asyncio.sleep(LEASE_S + 2)
