"""Sync: one snapshot, then the stream. Attaches connections to rooms and places them.

The order is what makes it whole: follow the user's timeline, read the memberships, attach to the rooms,
read the snapshot, write it, place. Whatever happens in between is before the snapshot or after it.
"""

import asyncio

from services.gateway.connection import Connection
from services.gateway.gather import Gather
from services.gateway.hub import Hub
from services.gateway.users import Users
from shared import calls
from shared.bus import Bus
from shared.contracts import internal
from shared.contracts.internal import GetSnapshot, Snapshot, UserRooms
from shared.contracts.limits import SYNC_PAGE_ROOMS
from shared.contracts.sync import HeldPosition, Sync, Synced, SyncElement
from shared.errors import ChatError, invalid, not_found


class Syncer:
    """Answers `sync`, and attaches to rooms that are added later."""

    def __init__(self, bus: Bus, hub: Hub, users: Users) -> None:
        self._bus = bus
        self._hub = hub
        self._users = users
        self._memberships: Gather[UserRooms] = Gather(self._fetch_memberships)

    async def sync(self, connection: Connection, request: Sync) -> Synced:
        """Answer one page; its rooms deliver from the moment its reply is written."""
        user = self._users.by_id.get(connection.user_id)
        if user is None or connection.is_closed:
            raise not_found("connection")
        self._users.follow(user)
        start = _read_cursor(connection, request.cursor)
        left: list[str] = []
        if request.cursor is None:
            own = await self._memberships.get(connection.user_id)
            if own is None:
                raise not_found("user")
            left = _begin_plan(connection, request, own)
            self._users.place(user, own.user_rev)
        page = list(connection.plan[start : start + SYNC_PAGE_ROOMS])
        snapshot = await self.attach(connection, page, request.rooms)
        connection.is_synced = True
        end = start + snapshot.answered
        more = end < len(connection.plan) and snapshot.answered > 0
        # Placed in the next turn: the router writes the reply in this one.
        asyncio.get_running_loop().call_soon(self._place, connection, snapshot.elements)
        return Synced(snapshot.elements, left, str(end) if more else None)

    async def attach(
        self, connection: Connection, room_ids: list[str], held: dict[str, HeldPosition]
    ) -> Snapshot:
        """Attach to rooms, then read their snapshot; rooms without an element are let go again."""
        if not room_ids:
            return Snapshot([], 0, 0)
        for room_id in room_ids:
            room = self._hub.expect(room_id, connection)
            if connection.find_room(room_id) is None:
                connection.rooms = (*connection.rooms, room)
        asked = GetSnapshot(connection.user_id, room_ids, {key: held[key] for key in room_ids if key in held})
        try:
            snapshot = await calls.call(self._bus, internal.SNAPSHOT, asked, Snapshot)
        except ChatError:
            self.detach(connection, room_ids)
            raise
        answered = {element.room.id for element in snapshot.elements}
        self.detach(connection, [room_id for room_id in room_ids if room_id not in answered])
        return snapshot

    def detach(self, connection: Connection, room_ids: list[str]) -> None:
        """Let rooms go; those not attached are passed over."""
        for room_id in room_ids:
            room = connection.find_room(room_id)
            if room is not None:
                self._hub.detach(room, connection)
                connection.forget_room(room)

    async def add_room(self, connection: Connection, room_id: str) -> SyncElement | None:
        """Attach a synced connection to a room it is not yet in; None if there is nothing to add.

        The caller sends the element and then calls `place`.
        """
        if not connection.is_synced or connection.find_room(room_id) is not None:
            return None
        snapshot = await self.attach(connection, [room_id], {})
        return snapshot.elements[0] if snapshot.elements else None

    def place(self, connection: Connection, element: SyncElement) -> None:
        """Let a room's events flow to a connection from the element's position on."""
        room = connection.find_room(element.room.id)
        if room is not None and not connection.is_closed:
            room.place(connection, element.position.epoch, element.position.rev)

    def _place(self, connection: Connection, elements: list[SyncElement]) -> None:
        for element in elements:
            self.place(connection, element)

    async def _fetch_memberships(self, user_ids: list[str]) -> dict[str, UserRooms]:
        answer = await calls.call(
            self._bus, internal.MEMBERSHIPS, internal.UserIds(user_ids), internal.Memberships
        )
        return {user.user_id: user for user in answer.users}


def _read_cursor(connection: Connection, cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal() or int(cursor) > len(connection.plan):
        raise invalid("cursor", "is not a cursor that this connection was given")
    return int(cursor)


def _begin_plan(connection: Connection, request: Sync, own: UserRooms) -> list[str]:
    """Decide which rooms the pages answer, most recently active first; return the ids that are left."""
    member_of = [room.room_id for room in own.rooms]
    if request.only:
        connection.plan = tuple(room_id for room_id in member_of if room_id in request.rooms)
    else:
        connection.plan = tuple(member_of)
    known = set(member_of)
    return [room_id for room_id in request.rooms if room_id not in known]
