"""A bus that is told by its server to go: what is under way is answered, and what comes then is not refused.

The server here takes the link back; one that really goes is in tests/faults/test_rolling_restart.py.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from shared.bus import Bus, BusRequest, Endpoint
from tests.wire import eventually

DEADLINE_S = 30
PING, OTHER = "rpc.test.moving", "svc.gateway.deliveries"


@pytest.fixture(autouse=True)
def long_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody serves is asked again for as long as a busy machine needs to move."""
    monkeypatch.setattr("shared.bus.bus._NOBODY_S", DEADLINE_S)


@pytest.fixture
async def asker(nats_url: Callable[[str], str]) -> AsyncIterator[Bus]:
    bus = await Bus.connect([nats_url("gateway")], "gateway")
    yield bus
    await bus.close()


@pytest.fixture
async def server(nats_url: Callable[[str], str]) -> AsyncIterator[Bus]:
    bus = await Bus.connect([nats_url("messages")], "messages")
    yield bus
    await bus.close()


@pytest.fixture
async def taken(server: Bus) -> list[BusRequest]:
    """What the server is asked; a test answers it."""
    requests: list[BusRequest] = []
    await server.serve("messages", [Endpoint(PING, requests.append)])
    return requests


def count_links(bus: Bus) -> Callable[[], int]:
    links: list[None] = []
    bus.on_restored(lambda: links.append(None))
    return lambda: len(links)


def ask(asker: Bus, payload: bytes) -> "asyncio.Task[bytes]":
    return asyncio.create_task(asker.request(PING, payload, timeout_s=DEADLINE_S))


async def take(taken: list[BusRequest], payload: bytes) -> BusRequest:
    await eventually(lambda: taken)
    request = taken.pop()
    assert request.payload == payload
    return request


@pytest.mark.parametrize("who", ["asker", "server"])
async def test_what_is_under_way_is_answered_over_the_old_link_and_what_comes_then_over_the_new(
    asker: Bus, server: Bus, taken: list[BusRequest], who: str
):
    moving = {"asker": asker, "server": server}[who]
    links = count_links(moving)
    first = ask(asker, b"first")
    request = await take(taken, b"first")
    await moving._on_lame_duck()
    if moving is asker:
        await eventually(lambda: asker._mover.is_holding)
    await moving.flush()
    second = ask(asker, b"second")
    await asker.flush()
    assert not taken
    assert links() == 0
    request.respond(b'{"ok":1}')
    assert await first == b'{"ok":1}'
    (await take(taken, b"second")).respond(b'{"ok":2}')
    assert await second == b'{"ok":2}'
    assert links() == 1


async def test_while_it_finishes_a_service_may_ask_another_one(
    asker: Bus, server: Bus, taken: list[BusRequest]
):
    """To answer it may have to, and its move waits for that answer."""
    await asker.serve("gateway", [Endpoint(OTHER, lambda request: request.respond(b'{"ok":4}'))])
    first = ask(asker, b"first")
    request = await take(taken, b"first")
    links = count_links(server)
    await server._on_lame_duck()
    await server.flush()
    assert await server.request(OTHER, b"{}", timeout_s=DEADLINE_S) == b'{"ok":4}'
    assert links() == 0
    request.respond(b'{"ok":1}')
    assert await first == b'{"ok":1}'
    await eventually(links)


async def test_what_nobody_serves_for_a_moment_is_asked_again(asker: Bus, server: Bus):
    asked = ask(asker, b"early")
    await asker.flush()
    await server.serve("messages", [Endpoint(PING, lambda request: request.respond(b'{"ok":3}'))])
    assert await asked == b'{"ok":3}'


async def test_a_bus_that_is_closed_does_not_wait_for_its_move(
    asker: Bus, server: Bus, taken: list[BusRequest]
):
    first = ask(asker, b"never answered")
    await take(taken, b"never answered")
    links = count_links(server)
    await server._on_lame_duck()
    await server.close()
    assert links() == 0
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
