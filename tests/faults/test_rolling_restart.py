"""Everything is restarted, one process after the other, under people who talk, read, sign in and look around.

As in a rollout: SIGTERM, the end awaited, started again, ready, the next. Nobody is to notice: each error
that a client is shown is a failure here, and a socket closes with 1012 alone.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import pytest

from deploy.local.data_dir import DataDir
from deploy.local.servers import start_and_wait
from tests.faults.bus_faults import become_ready, goes_on, is_outbox_empty
from tests.faults.roaming import Chores, Doors, Errors, RestTalker, Roamer
from tests.faults.talking import Talker, talking
from tests.faults.wholeness import check_nothing_left, check_stored
from tests.nats_cluster import NAMES, ClusteredStack
from tests.wire import Person, eventually

pytestmark = pytest.mark.timeout(400)
DONE_WITHIN_S = 60.0
SERVICES = [(service, index) for service in ("messages", "auth", "presence", "gateway") for index in (0, 1)]


@pytest.fixture(scope="module")
async def broken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClusteredStack]:
    counts = {"auth": 2, "messages": 2, "presence": 2, "gateway": 2}
    env = {
        "CHATCRAFT_MESSAGES_FEED_REPLICAS": "3",
        "CHATCRAFT_GATEWAY_PRE_STOP_S": "3",  # several times what the doors take to notice
        "CHATCRAFT_GATEWAY_DRAIN_S": "1",
    }
    with DataDir.open(tmp_path_factory.mktemp("rolling") / "data") as data_dir:
        async with ClusteredStack("test_rolling_restart", data_dir, counts=counts, env=env) as running:
            yield running


class Crowd:
    """Those who are there all the time, and what they must not have noticed."""

    def __init__(self, stack: ClusteredStack, room_id: str, anna: Person, bert: Person) -> None:
        self.errors = Errors()
        self.room_id = room_id
        self.doors = doors = Doors(stack)
        self.roamers = [Roamer(each, room_id, doors, self.errors) for each in (anna, bert)]
        self.talkers: list[Talker] = [*self.roamers, RestTalker(bert, room_id, doors, self.errors)]
        self.chores = [Chores(each, doors, self.errors) for each in (anna, bert)]
        self._stack = stack

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as started:
            await started.enter_async_context(self.doors.watching())
            for talker in self.talkers:
                await started.enter_async_context(talking(talker.person, self.room_id, talker))
            tasks = [asyncio.create_task(each.run()) for each in self.chores]
            try:
                await self.goes_on()
                yield
            finally:
                for each in self.chores:
                    each.stop()
                await asyncio.wait_for(asyncio.gather(*tasks), DONE_WITHIN_S)

    async def goes_on(self) -> None:
        """Wait until each of them has got something done that was begun after this."""
        wanted = [each.rounds + 2 for each in self.chores]
        await goes_on(self.talkers)
        await eventually(
            lambda: all(each.rounds >= count for each, count in zip(self.chores, wanted, strict=True)),
            DONE_WITHIN_S,
        )

    async def check(self) -> None:
        """Check that nobody was shown an error, and that all is there, once, in one order, for everybody."""
        assert not self.errors, "\n".join(self.errors)
        stored = await check_stored(self.room_id, self.talkers)
        for each in self.roamers:
            await each.come_back(len(stored))
            assert each.doubled == []
            assert list(each.seen) == stored
        await eventually(lambda: is_outbox_empty(self._stack), 90)
        await check_nothing_left(self._stack)


@pytest.fixture
async def crowd(broken: ClusteredStack, anna: Person, bert: Person) -> Crowd:
    return Crowd(broken, await anna.create_room(members=(bert,)), anna, bert)


async def test_services_and_gateways_are_restarted_and_nobody_notices(
    broken: ClusteredStack, crowd: Crowd, http: httpx2.AsyncClient
) -> None:
    async with crowd.living():
        for service, index in SERVICES:
            assert await broken.find(service, index).stop()
            await broken.restart(service, index)
            await crowd.doors.send_to_all()
            await goes_on(crowd.talkers, more=3)
        await become_ready(broken, http)
        await crowd.goes_on()
    await crowd.check()
    assert all(each.returns >= 2 for each in crowd.roamers)


async def test_servers_of_the_bus_are_restarted_and_nobody_notices(
    broken: ClusteredStack, crowd: Crowd, http: httpx2.AsyncClient
) -> None:
    async with crowd.living():
        for name in NAMES:
            await broken.send_away(name)
            await start_and_wait(broken.find(name))
            await become_ready(broken, http)
            await goes_on(crowd.talkers, more=3)
        await crowd.goes_on()
    await crowd.check()
