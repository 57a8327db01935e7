"""Which commands the router forwards together, and what becomes of them when that way is closed."""

from typing import Any

import msgspec

from services.gateway.connection import Connection
from services.gateway.frames import ClientFrame
from services.gateway.limits import Bucket, CommandRate, Rates
from services.gateway.outlet import QueueOutlet
from services.gateway.router import Router
from shared.bus import Caller
from shared.contracts import internal
from shared.contracts.limits import Limits
from shared.errors import unavailable
from shared.ids import new_id
from shared.tokens import Claims

ROOM = new_id()
SEND = "rpc.messages.send"


class FakeBus:
    """Answers each request by its number of parts; an old deployment serves only single sends."""

    def __init__(self, *, is_old: bool = False) -> None:
        self.is_old = is_old
        self.asked: list[tuple[str, int]] = []

    async def request(self, subject: str, payload: bytes, *, caller: Caller, timeout_s: float) -> bytes:
        assert (caller.user_id, timeout_s) == ("user", 10)
        found = msgspec.json.decode(payload)
        parts = found if isinstance(found, list) else [found]
        self.asked.append((subject, len(parts)))
        if subject == internal.SEND_MANY and self.is_old:
            raise unavailable("nobody serves it")
        replies = [b'{"ok":"%b"}' % part.get("text", "").encode()[:9] for part in parts]
        return b"[%b]" % b",".join(replies) if subject == internal.SEND_MANY else replies[0]


class FakeTransport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.outlet = QueueOutlet(self.write)
        self.pauses = 0

    def write(self, frames: bytes) -> None:
        self.written.append(frames)

    def pause_reading(self) -> None:
        self.pauses += 1

    def resume_reading(self) -> None:
        self.pauses -= 1


class FakeNode:
    def now_s(self) -> float:
        return 0.0


def make(bus: Any) -> tuple[Router, Connection, FakeTransport]:
    limits, rate = Limits(), CommandRate(1_000.0, 1_000.0)
    router = Router(bus, Rates(people=rate, tokens=rate), limits, lambda: 0.0)
    claims = Claims("user", "login", "member", "anna", "Anna", 0.0, 10**12)
    connection = Connection(FakeNode(), claims, "::1", Bucket(1_000.0, 0.0))
    transport = FakeTransport()
    connection.bind(transport)
    return router, connection, transport


def send(ref: int, text: str = "") -> ClientFrame:
    body = {"room_id": ROOM, "id": new_id(), "text": text or f"m{ref}"}
    return ClientFrame(ref, "messages.send", msgspec.Raw(msgspec.json.encode(body)))


def edit(ref: int) -> ClientFrame:
    body = {"room_id": ROOM, "message_id": new_id(), "text": "edited"}
    return ClientFrame(ref, "messages.edit", msgspec.Raw(msgspec.json.encode(body)))


async def test_sends_that_waited_behind_one_go_together_and_others_alone():
    bus = FakeBus()
    router, connection, transport = make(bus)
    for ref in (1, 2, 3):
        router.on_frame(connection, send(ref))
    router.on_frame(connection, edit(4))
    for ref in (5, 6):
        router.on_frame(connection, send(ref))
    await router.wait_idle(5)
    assert bus.asked == [
        (SEND, 1), (internal.SEND_MANY, 2), ("rpc.messages.edit", 1), (internal.SEND_MANY, 2),
    ]  # fmt: skip
    written = b"".join(transport.written)
    places = [written.index(b'{"ref":%d,"ok"' % ref) for ref in range(1, 7)]
    assert places == sorted(places)
    assert len(transport.written) == 4
    assert (connection.in_flight, connection.queues) == (0, None)


async def test_where_only_older_services_listen_each_goes_alone():
    bus = FakeBus(is_old=True)
    router, connection, transport = make(bus)
    for ref in (1, 2, 3):
        router.on_frame(connection, send(ref))
    await router.wait_idle(5)
    assert bus.asked == [(SEND, 1), (internal.SEND_MANY, 2), (SEND, 1), (SEND, 1)]
    assert b"".join(transport.written).count(b'"ok"') == 3


async def test_together_they_stay_small_enough_for_the_bus():
    bus = FakeBus()
    router, connection, _ = make(bus)
    for ref in range(1, 42):
        router.on_frame(connection, send(ref, "x" * 8_000))
    await router.wait_idle(5)
    assert sum(parts for _, parts in bus.asked) == 41
    assert max(parts for _, parts in bus.asked) == 256 * 1024 // 8_100


async def test_reading_goes_on_once_fewer_than_the_limit_are_under_way():
    router, connection, transport = make(FakeBus())
    for ref in range(1, 67):
        router.on_frame(connection, send(ref))
    assert transport.pauses == 1
    await router.wait_idle(5)
    assert (transport.pauses, connection.in_flight) == (0, 0)
