"""Twenty connections of a user, counted over all nodes: the newcomers are closed, nobody who was there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from redis.asyncio import Redis
from websockets.exceptions import ConnectionClosed

from tests.stack import Stack
from tests.wire import People, Person, Socket, eventually

CAP = 20
HERE, THERE = 0, 1


class Devices:
    """Sockets of one person, in the order they were opened."""

    def __init__(self, person: Person, stack: Stack, opened: AsyncExitStack) -> None:
        self.all: list[Socket] = []
        self._person = person
        self._stack = stack
        self._opened = opened

    async def open(self, node: int, count: int = 1) -> list[Socket]:
        opened = [
            await self._opened.enter_async_context(
                Socket.open(self._stack.gateway_urls[node], self._person.token)
            )
            for _ in range(count)
        ]
        self.all += opened
        return opened

    @property
    def living(self) -> list[Socket]:
        return [socket for socket in self.all if socket.close_code is None]

    async def is_admitted(self, node: int) -> bool:
        """Whether a newcomer on that node is still there when it has been counted."""
        try:
            [newcomer] = await self.open(node)
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != 4502:
                raise
            return False
        await eventually(lambda: newcomer.close_code is not None or self._is_counted(newcomer))
        assert newcomer.close_code in {None, 4502}
        return newcomer.close_code is None

    async def wait_counted(self) -> None:
        """Wait until each who is there has a place: who comes from now on comes later."""
        for socket in self.living:
            await eventually(lambda socket=socket: self._is_counted(socket))

    async def _is_counted(self, socket: Socket) -> bool:
        """Whether the socket's node was given as many places as there are sockets on it."""
        node_id = socket.ready["d"]["node_id"]
        async with Redis.from_url(self._stack.endpoints.redis_url, decode_responses=True) as redis:
            places = await redis.hgetall(f"presence:places:{self._person.id}")
        given = [int(count) for holder, count in places.items() if holder.startswith(f"{node_id}:")]
        return given == [sum(each.ready["d"]["node_id"] == node_id for each in self.living)]


@pytest.fixture
async def devices(stack: Stack, anna: Person) -> AsyncIterator[Devices]:
    async with AsyncExitStack() as opened:
        yield Devices(anna, stack, opened)


async def test_twenty_of_twelve_and_twelve_remain_and_the_newcomers_are_closed(devices: Devices) -> None:
    first = await devices.open(HERE, 12)
    await devices.wait_counted()
    second = await devices.open(THERE, 12)
    await eventually(lambda: len(devices.living) == CAP)
    assert [socket.close_code for socket in (*first, *second[:8])] == [None] * CAP
    assert [socket.close_code for socket in second[8:]] == [4502] * 4
    assert not await devices.is_admitted(HERE)
    assert not await devices.is_admitted(THERE)
    assert devices.living == [*first, *second[:8]]


async def test_a_freed_place_can_be_used_on_the_other_node(devices: Devices) -> None:
    first = await devices.open(HERE, 12)
    await devices.open(THERE, 8)
    await devices.wait_counted()
    assert not await devices.is_admitted(THERE)
    await first[0].websocket.close()
    await eventually(lambda: devices.is_admitted(THERE))
    assert len(devices.living) == CAP


async def test_both_nodes_at_once_admit_twenty_and_keep_them(devices: Devices) -> None:
    await asyncio.gather(*(devices.open(node) for node in (HERE, THERE) for _ in range(15)))
    await eventually(lambda: len(devices.living) == CAP)
    assert {socket.close_code for socket in devices.all if socket.close_code} == {4502}
    assert not await devices.is_admitted(HERE)
    assert len(devices.living) == CAP


async def test_connections_of_a_killed_node_stop_counting_and_presence_away_leaves_the_local_count(
    stack_factory: Any, http: Any
) -> None:
    counts = {"gateway": 2, "messages": 1, "presence": 1}
    async with stack_factory(counts=counts) as own, AsyncExitStack() as opened:
        anna = await People(own.gateway_urls, http).register("anna")
        devices = Devices(anna, own, opened)
        await devices.open(HERE, 20)
        await devices.wait_counted()
        assert not await devices.is_admitted(THERE)
        await own.kill("gateway", HERE)
        await eventually(lambda: devices.is_admitted(THERE))
        await own.kill("presence")
        await devices.open(THERE, CAP - len(devices.living))
        assert not await devices.is_admitted(THERE)
        await own.restart("gateway", HERE)
        [newcomer] = await devices.open(HERE)  # nobody counts it: it is welcomed, and no close can follow
        assert await newcomer.call("users.me")
