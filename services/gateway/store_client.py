"""What the gateway asks the messages service, gathered: many waiting clients are one question.

Shapes are in shared.contracts.internal. Raises ChatError wherever the service cannot be asked.
"""

from collections import defaultdict
from collections.abc import Mapping

from services.gateway.gather import Gather
from shared import calls
from shared.bus import Bus
from shared.contracts import internal
from shared.contracts.entities import Room
from shared.contracts.internal import RoomAfter, RoomChanged, UserRooms
from shared.errors import unavailable


class OwnRooms(UserRooms, frozen=True):
    """A user's rooms, with the epoch and the rooms themselves as they were at that moment."""

    epoch: int
    rooms_by_id: dict[str, Room]


class StoreClient:
    """One per node."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._memberships: Gather[str, OwnRooms] = Gather(self._fetch_memberships)
        self._changes: Gather[RoomAfter, RoomChanged] = Gather(self._fetch_changes)

    async def get_rooms_of(self, user_id: str) -> OwnRooms:
        """Return a user's rooms and memberships, read after this call began."""
        found = await self._memberships.get(user_id)
        if found is None:  # the reply was full: alone, it fits
            found = (await self._fetch_memberships([user_id]))[user_id]
        return found

    async def get_changes(self, asked: RoomAfter) -> RoomChanged:
        """Return all that changed in a room after a position, or after an earlier one: see `after_rev`."""
        found = await self._changes.get(asked)
        if found is None:
            raise unavailable("the store did not tell of this room")
        return found

    async def get_snapshot(self, asked: internal.GetSnapshot) -> internal.Snapshot:
        """Return sync elements for one user."""
        return await calls.call(self._bus, internal.SNAPSHOT, asked, internal.Snapshot)

    async def _fetch_memberships(self, user_ids: list[str]) -> Mapping[str, OwnRooms]:
        asked = internal.GetMemberships(user_ids)
        answer = await calls.call(self._bus, internal.MEMBERSHIPS, asked, internal.Memberships)
        return {
            user.user_id: OwnRooms(user.user_id, user.user_rev, user.rooms, answer.epoch, answer.rooms)
            for user in answer.users
        }

    async def _fetch_changes(self, asked: list[RoomAfter]) -> Mapping[RoomAfter, RoomChanged]:
        """Ask for each room once, from the earliest position wanted."""
        by_room: dict[str, list[RoomAfter]] = defaultdict(list)
        for each in asked:
            by_room[each.room_id].append(each)
        earliest = [min(group, key=lambda each: (-each.epoch, each.after_rev)) for group in by_room.values()]
        answer = await calls.call(
            self._bus, internal.CHANGES, internal.RoomsAfter(earliest), internal.RoomsChanged
        )
        epoch_by_room = {each.room_id: each.epoch for each in earliest}
        return {
            each: changed
            for changed in answer.rooms
            for each in by_room[changed.room.id]
            if each.epoch == epoch_by_room[each.room_id]
        }
