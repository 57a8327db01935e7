"""What the node does with a user's own events: pass them on, attach to new rooms, heal a gap."""

import asyncio

import msgspec
from msgspec import Struct

from services.gateway.connection import Connection
from services.gateway.frames import UserEventHead, user_event_payload
from services.gateway.hub import Hub
from services.gateway.room import ActiveRoom
from services.gateway.subscriber import Subscriber
from services.gateway.sync import Syncer
from services.gateway.users import LocalUser, Users
from shared import calls
from shared.bus import Bus
from shared.contracts import internal
from shared.contracts.events import RoomRemoved, RoomReset
from shared.telemetry import get_logger

log = get_logger(__name__)

# The room's own stream says who leaves; the user's hint that comes without it says it was lost.
_LEFT_UNNOTICED_S = 0.3


class _InRoom(Struct):
    room_id: str


class UserEvents:
    """The acts behind `Users.apply` and `Users.heal`, and the rooms' news of who is to leave or reload."""

    def __init__(self, bus: Bus, hub: Hub, users: Users, syncer: Syncer) -> None:
        self._bus = bus
        self._hub = hub
        self._users = users
        self._syncer = syncer

    async def apply(self, user: LocalUser, head: UserEventHead, payload: bytes) -> None:
        """Act on the next event of a user. Raises ChatError if the store could not be asked."""
        if head.ev == "room.added":
            await self._add_room(user, msgspec.json.decode(head.d, type=_InRoom).room_id, head.user_rev)
            return
        user.send(payload)
        if head.ev == "room.removed":
            self._expect_leaving(user, msgspec.json.decode(head.d, type=_InRoom).room_id)

    async def heal(self, user: LocalUser) -> None:
        """Bring a user to the store's present, by events made from it. Raises ChatError."""
        assert user.rev is not None, "healed after it was placed"
        asked = internal.GetUserChanges(user.user_id, user.rev)
        changes = await calls.call(self._bus, internal.USER_CHANGES, asked, internal.UserChanges)
        for room_id in changes.left:
            user.send(user_event_payload("room.removed", changes.user_rev, RoomRemoved(room_id, "left")))
            self._expect_leaving(user, room_id)
        for membership in changes.memberships:
            await self._add_room(user, membership.room_id, changes.user_rev)
            user.send(user_event_payload("read.updated", changes.user_rev, membership))
        for item in changes.items:
            user.send(user_event_payload(item.ev, changes.user_rev, item.d))
        user.rev = max(user.rev, changes.user_rev)

    def on_left(self, room: ActiveRoom, user_id: str) -> None:
        """Detach a user who left, once the leaving itself was written to them."""
        user = self._users.by_id.get(user_id)
        for connection in user.connections if user else ():
            if room.is_reached(connection):
                self._hub.detach(room, connection)
                connection.forget_room(room)

    def on_reset(self, room: ActiveRoom, subscribers: list[Subscriber]) -> None:
        """Tell those who held another history to reload the room."""
        for subscriber in subscribers:
            user = self._users.by_id.get(subscriber.user_id)
            if user is not None and isinstance(subscriber, Connection):
                subscriber.send(user_event_payload("room.reset", user.rev or 0, RoomReset(room.room_id)))

    async def _add_room(self, user: LocalUser, room_id: str, user_rev: int) -> None:
        for connection in user.connections:
            element = await self._syncer.add_room(connection, room_id)
            if element is not None:
                connection.send(user_event_payload("room.added", user_rev, element))
                self._syncer.place(connection, element)

    def _expect_leaving(self, user: LocalUser, room_id: str) -> None:
        room = self._hub.rooms_by_id.get(room_id)
        if room is not None and any(each.find_room(room_id) for each in user.connections):
            asyncio.get_running_loop().call_later(_LEFT_UNNOTICED_S, self._check_left, user, room)

    def _check_left(self, user: LocalUser, room: ActiveRoom) -> None:
        if any(room.is_reached(each) for each in user.connections):
            self._hub.suspect(room)
