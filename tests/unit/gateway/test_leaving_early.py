"""A connection that goes while its sync is under way leaves no interest behind."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from services.gateway.store_client import OwnRooms
from services.gateway.sync import Syncer
from shared.contracts.internal import RoomOf, Snapshot
from shared.contracts.sync import Sync
from shared.ids import new_id


class Hub:
    """Notes who is attached."""

    def __init__(self) -> None:
        self.rooms_by_id: dict[str, Any] = {}
        self.attached: list[str] = []

    def expect(self, room_id: str, _subscriber: Any) -> Any:
        self.attached.append(room_id)
        return SimpleNamespace(room_id=room_id)


class Store:
    """Answers after the socket has been closed."""

    def __init__(self, connection: Any, room_id: str) -> None:
        self._connection = connection
        self._room_id = room_id

    async def get_rooms_of(self, user_id: str) -> OwnRooms:
        self._connection.is_closed = True
        return OwnRooms(user_id, 1, [RoomOf(self._room_id, 1, None)], 1, {})

    async def get_snapshot(self, _asked: Any) -> Snapshot:
        return Snapshot([], 1, 1)


async def test_who_closes_while_the_memberships_are_read_is_attached_to_nothing() -> None:
    connection: Any = SimpleNamespace(
        user_id=new_id(),
        claims=SimpleNamespace(grant=None),
        is_closed=False,
        is_synced=False,
        rooms=(),
        plan=(),
        find_room=lambda _id: None,
    )
    hub: Any = Hub()
    users: Any = SimpleNamespace(
        by_id={connection.user_id: object()},
        follow=lambda _user: None,
        place=lambda _user, _rev, _epoch: None,
        keep_back=nullcontext,
    )
    store: Any = Store(connection, new_id())
    await Syncer(store, hub, users).sync(connection, Sync())
    assert hub.attached == []
