"""A cluster of three NATS servers loses the one that leads the feed, under traffic."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx2
import nats.errors
import pytest
from nats.js.api import ClusterInfo

from chatcraft_client.consume import consume
from chatcraft_client.consume.durable import connect
from chatcraft_client.frames import Event
from deploy.local.data_dir import DataDir
from shared.bus import Bus
from shared.contracts.feed import STREAM
from tests.faults.bus_faults import (
    SocketTalker,
    become_ready,
    count_held,
    goes_on,
    is_whole,
    lets_go,
    list_events,
    list_feed,
    talking_together,
)
from tests.faults.observing import on_bus
from tests.faults.talking import Talker, list_all
from tests.nats_cluster import ClusteredStack
from tests.wire import Person, eventually

pytestmark = pytest.mark.timeout(300)
ELECTED_WITHIN_S = 60.0


@pytest.fixture(scope="module")
async def broken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClusteredStack]:
    env = {"CHATCRAFT_MESSAGES_FEED_REPLICAS": "3"}
    with DataDir.open(tmp_path_factory.mktemp("cluster") / "data") as data_dir:
        async with ClusteredStack("test_nats_cluster", data_dir, env=env) as running:
            yield running


async def test_the_death_of_the_feeds_leader_loses_and_doubles_nothing(
    broken: ClusteredStack, anna: Person, bert: Person, http: httpx2.AsyncClient
) -> None:
    """One of two gateways loses its server with it, and perhaps some of the services do."""
    room_id = await anna.create_room(members=(bert,))
    while len(set(await broken.list_servers_of("gateway"))) < 2:
        await broken.restart("gateway", 1)
    leader = (await broken.list_servers_of("gateway"))[0]
    await lead(broken, leader)
    async with AsyncExitStack() as opened:
        sockets = [await opened.enter_async_context(each.socket()) for each in (anna, bert)]
        talkers = [Talker(anna, room_id), Talker(bert, room_id), SocketTalker(bert, room_id, sockets[1])]
        await become_ready(broken, http)
        held = await count_held(broken)
        heard = await opened.enter_async_context(consuming(broken, room_id))
        async with talking_together(*talkers):
            await broken.kill(leader, number=signal.SIGKILL)
            await goes_on(talkers)
            await become_ready(broken, http)
            await eventually(lambda: is_led_by_another(broken, leader), ELECTED_WITHIN_S)
            await broken.restart(leader)
            await goes_on(talkers)
        await is_whole(broken, talkers, sockets)
        await eventually(lambda: len(heard) >= sum(len(each.acked) for each in talkers))
        assert heard == await list_all(anna, room_id)
        assert sorted(await list_feed(broken, room_id)) == sorted(await list_events(anna, room_id))
        await lets_go(broken, held)


async def test_whoever_knows_one_server_goes_on_at_the_others(broken: ClusteredStack) -> None:
    """The cluster tells of them; a name and its password are good there too."""
    async with AsyncExitStack() as opened:
        bus = await Bus.connect([broken.url_of("nats-1", "gateway")], "gateway")
        opened.push_async_callback(bus.close)
        consumer = await connect(broken.url_of("nats-1", "feed"), "consumer")
        opened.push_async_callback(consumer.close)
        restored = asyncio.Event()
        bus.on_restored(restored.set)
        await broken.kill("nats-1", number=signal.SIGKILL)
        opened.push_async_callback(broken.restart, "nats-1")
        await eventually(restored.is_set)
        await eventually(lambda: consumer.stats["reconnects"])
        await bus.round_trip()
        await consumer.flush()


@asynccontextmanager
async def consuming(stack: ClusteredStack, room_id: str) -> AsyncIterator[list[str]]:
    """Listen to the feed as another service does; what it was given of the room's messages, in that order."""
    heard: list[str] = []

    async def hear(event: Event) -> None:
        if event.room_id == room_id:
            heard.append(event.data.id)

    url = stack.endpoints.nats_url_by_user["feed"]
    async with consume(url, "test", ["chat.room.*.message.created"]) as events:
        hearing = asyncio.create_task(events.run(hear))
        yield heard
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


async def lead(stack: ClusteredStack, server: str) -> None:
    """Wait for the feed's three copies, and give the lead to that server."""

    async def is_copied() -> bool:
        feed = await find_feed(stack)
        return bool(feed and feed.replicas and all(each.current for each in feed.replicas))

    async def is_led() -> bool:
        feed = await find_feed(stack)
        if feed and feed.leader == server:
            return True
        async with on_bus(stack, "messages") as bus:
            wish = json.dumps({"placement": {"preferred": server}}).encode()
            with suppress(nats.errors.Error):  # nobody leads as yet: asked again
                await bus.request("$JS.API.STREAM.LEADER.STEPDOWN.CHAT", wish, timeout=2)
        return False

    await eventually(is_copied, ELECTED_WITHIN_S)
    await eventually(is_led, ELECTED_WITHIN_S)


async def find_feed(stack: ClusteredStack) -> ClusterInfo | None:
    """Return who leads the feed and who follows; None while nobody answers for it."""
    async with on_bus(stack, "messages") as bus:
        try:
            return (await bus.jetstream().stream_info(STREAM)).cluster
        except nats.errors.Error:
            return None


async def is_led_by_another(stack: ClusteredStack, lost: str) -> bool:
    feed = await find_feed(stack)
    return bool(feed and feed.leader and feed.leader != lost)
