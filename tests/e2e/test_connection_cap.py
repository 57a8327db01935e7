"""Twenty connections of a user, counted over all nodes: the newcomers are closed, nobody who was there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.stack import Stack
from tests.wire import People, Person, Socket, eventually

CAP = 20
HERE, THERE = 0, 1


class Devices:
    """Sockets of one person, in the order they were opened."""

    def __init__(self, person: Person, urls: list[str], stack: AsyncExitStack) -> None:
        self.all: list[Socket] = []
        self._person = person
        self._urls = urls
        self._stack = stack

    async def open(self, node: int, count: int = 1) -> list[Socket]:
        opened = [
            await self._stack.enter_async_context(Socket.open(self._urls[node], self._person.token))
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
        try:
            await newcomer.wait_closed(1.0)
        except TimeoutError:
            return True
        assert newcomer.close_code == 4502
        return False


@pytest.fixture
async def devices(stack: Stack, anna: Person) -> AsyncIterator[Devices]:
    async with AsyncExitStack() as opened:
        yield Devices(anna, stack.gateway_urls, opened)


async def test_twenty_of_twelve_and_twelve_remain_and_the_newcomers_are_closed(devices: Devices) -> None:
    first = await devices.open(HERE, 12)
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
    assert not await devices.is_admitted(THERE)
    await first[0].websocket.close()
    await eventually(lambda: devices.is_admitted(THERE), 2.5)
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
        devices = Devices(anna, own.gateway_urls, opened)
        await devices.open(HERE, 20)
        assert not await devices.is_admitted(THERE)
        await own.kill("gateway", HERE)
        await eventually(lambda: devices.is_admitted(THERE))
        await own.kill("presence")
        await devices.open(THERE, CAP - len(devices.living))
        assert not await devices.is_admitted(THERE)
        await own.restart("gateway", HERE)
        assert await devices.is_admitted(HERE)
