"""A fan-out writes to each connection by the way that its transport has now."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec

from services.gateway.connection import Connection
from services.gateway.frames import text_frame
from services.gateway.limits import Bucket
from services.gateway.ring import RingBudget
from services.gateway.room import ActiveRoom
from services.gateway.stats import Stats
from shared.contracts.close_codes import CloseCode
from shared.ids import new_id
from shared.tokens import Claims


class Transport:
    """Writes as it is told, until it closes: then it decides, and drops."""

    def __init__(self) -> None:
        self.connection: Connection
        self.sent: list[bytes] = []
        self.is_closing = False

    def write(self, frames: bytes) -> None:
        if not self.is_closing:
            self.sent.append(frames)

    @property
    def plain_write(self) -> Callable[[bytes], None]:
        return self.sent.append

    def close(self, _code: CloseCode, _reason: str) -> None:
        self.is_closing = True
        self.connection.on_closing()


def make_event(room_id: str, rev: int) -> bytes:
    return msgspec.json.encode({"ev": "room.updated", "room_id": room_id, "epoch": 1, "rev": rev, "d": {}})


def test_after_its_close_frame_a_connection_hears_nothing_of_its_rooms() -> None:
    room_id = new_id()
    node: Any = SimpleNamespace(now_s=lambda: 0.0)
    room = ActiveRoom(
        room_id,
        RingBudget(),
        Stats(),
        crowd_size=1_000,
        schedule=lambda _call: None,
        schedule_in=lambda _s, _call: None,
        on_gap=lambda _room: None,
        on_left=lambda _room, _user: None,
        on_stale=lambda _room, _stale: None,
    )
    claims = Claims(new_id(), new_id(), "member", "ann", "Ann", 0.0, 2**40)
    connection, transport = Connection(node, claims, "127.0.0.1", Bucket(1, 0.0)), Transport()
    transport.connection = connection
    connection.bind(transport)  # type: ignore[arg-type]  # what a fan-out needs of one
    room.expect(connection)
    room.place(connection, 1, 0)
    connection.rooms = (room,)

    room.on_event(b"", make_event(room_id, 1))
    room.flush()
    connection.close(CloseCode.DRAINING)
    room.on_event(b"", make_event(room_id, 2))
    room.flush()

    assert transport.sent == [text_frame(make_event(room_id, 1))]
