"""Answers to the gateway's own questions, for many users and rooms at once. No caller: a service asks."""

from services.messages.commands.snapshot import build_elements
from services.messages.store.changes import load_changes
from services.messages.store.members import build_memberships
from services.messages.store.positions import get_epoch, list_room_revs, list_rooms_by_user, list_user_revs
from services.messages.store.rooms import list_rooms
from services.messages.store.transaction import Database
from services.messages.store.users import get_user_rev, list_changed_rooms, list_member_of
from shared.contracts.internal import (
    GetPositions,
    GetSnapshot,
    GetUserChanges,
    Memberships,
    Positions,
    RoomAfter,
    RoomChanged,
    RoomOf,
    Snapshot,
    UserChanges,
    UserIds,
    UserRooms,
)
from shared.errors import not_found


class Calls:
    """One method per call; each reads one snapshot with a fixed number of queries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def memberships(self, asked: UserIds) -> Memberships:
        """Return the rooms of each user, in the order asked."""
        async with self._database.reading() as connection:
            epoch = await get_epoch(connection)
            revs = await list_user_revs(connection, asked.user_ids)
            rooms = await list_rooms_by_user(connection, asked.user_ids)
        users = [
            UserRooms(
                user_id, revs.get(user_id, 0), [RoomOf(room_id, rev) for room_id, rev in rooms[user_id]]
            )
            for user_id in asked.user_ids
        ]
        return Memberships(epoch, users)

    async def snapshot(self, asked: GetSnapshot) -> Snapshot:
        """Return sync elements for one user."""
        async with self._database.reading() as connection:
            user_rev = await get_user_rev(connection, asked.user_id)
            elements, answered = await build_elements(connection, asked.user_id, asked.room_ids, asked.held)
        return Snapshot(elements, answered, user_rev)

    async def changes(self, asked: RoomAfter) -> RoomChanged:
        """Return what changed in a room, for whoever the gateway lets hear it."""
        async with self._database.reading() as connection:
            room = (await list_rooms(connection, [asked.room_id])).get(asked.room_id)
            if room is None:
                raise not_found("room")
            found = await load_changes(connection, room, asked.epoch, asked.after_rev)
        return RoomChanged(found.position, found.reset, found.messages, found.members, found.room)

    async def positions(self, asked: GetPositions) -> Positions:
        """Return where the named timelines stand."""
        async with self._database.reading() as connection:
            return Positions(
                await get_epoch(connection),
                await list_room_revs(connection, asked.room_ids),
                await list_user_revs(connection, asked.user_ids),
            )

    async def user_changes(self, asked: GetUserChanges) -> UserChanges:
        """Return what changed in one user's own timeline."""
        async with self._database.reading() as connection:
            user_rev = await get_user_rev(connection, asked.user_id)
            held, left = await list_changed_rooms(connection, asked.user_id, asked.after_user_rev)
            members = await list_member_of(connection, asked.user_id, held)
            rooms = await list_rooms(connection, list(members))
            memberships = await build_memberships(
                connection, [(rooms[each], members[each]) for each in members]
            )
        return UserChanges(user_rev, memberships, left)
