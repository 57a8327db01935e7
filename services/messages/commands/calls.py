"""Answers to the gateway's own questions, for many users and rooms at once. No caller: a service asks."""

import msgspec
from msgspec import Raw

from services.messages.commands.snapshot import build_elements
from services.messages.domain.catching_up import must_reset
from services.messages.models import RoomRow
from services.messages.store.changes import NOTHING, Changed, list_changes, position_of
from services.messages.store.members import build_memberships, list_by_pairs
from services.messages.store.positions import (
    UserPlace,
    get_epoch,
    list_places,
    list_room_revs,
    list_user_revs,
)
from services.messages.store.rooms import list_rooms
from services.messages.store.transaction import Database
from services.messages.store.users import (
    CHANGED_ITEMS_MAX,
    get_user_rev,
    list_changed_items,
    list_changed_rooms,
    list_member_of,
)
from shared.contracts.internal import (
    GetMemberships,
    GetPositions,
    GetSnapshot,
    GetUserChanges,
    Memberships,
    Positions,
    RoomChanged,
    RoomOf,
    RoomsAfter,
    RoomsChanged,
    Snapshot,
    UserChanges,
    UserItemEvent,
    UserRooms,
)
from shared.contracts.limits import SYNC_PAGE_ROOMS

# NATS carries 8 MB at once; what does not fit is asked for again.
_ANSWER_MAX_BYTES = 4 * 1024 * 1024
_MEMBERSHIP_BYTES = 300
_ROOM_BYTES = 80


class Calls:
    """One method per call; each reads one snapshot with a fixed number of queries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def memberships(self, asked: GetMemberships) -> Memberships:
        """Return the rooms of each user, in the order asked, for as many users as one reply may hold."""
        async with self._database.reading() as connection:
            epoch, places = await list_places(connection, asked.user_ids)
            user_ids = _fit_users(asked.user_ids, places)
            pairs = [
                (room_id, user_id)
                for user_id in user_ids
                for room_id, _ in places[user_id].rooms[:SYNC_PAGE_ROOMS]
            ]
            members = await list_by_pairs(connection, pairs)
            rooms = await list_rooms(connection, list({row.room_id for row in members})) if members else {}
            built = await build_memberships(connection, [(rooms[row.room_id], row) for row in members])
        by_pair = {(each.room_id, each.user_id): each for each in built}
        users = [
            UserRooms(
                user_id,
                places[user_id].rev,
                [
                    RoomOf(room_id, rev, by_pair.get((room_id, user_id)))
                    for room_id, rev in places[user_id].rooms
                ],
            )
            for user_id in user_ids
        ]
        return Memberships(epoch, {room_id: row.to_wire() for room_id, row in rooms.items()}, users)

    async def snapshot(self, asked: GetSnapshot) -> Snapshot:
        """Return sync elements for one user."""
        async with self._database.reading() as connection:
            user_rev = await get_user_rev(connection, asked.user_id)
            elements, answered = await build_elements(connection, asked.user_id, asked.room_ids, asked.held)
        return Snapshot(elements, answered, user_rev)

    async def changes(self, asked: RoomsAfter) -> RoomsChanged:
        """Return what changed in rooms, for whoever the gateway lets hear it."""
        after = {each.room_id: each for each in asked.rooms}
        async with self._database.reading() as connection:
            rooms = await list_rooms(connection, list(after))
            told = [
                room
                for room in rooms.values()
                if not must_reset(after[room.id].epoch, after[room.id].after_rev, position_of(room))
            ]
            found = await list_changes(connection, told, {room.id: after[room.id].after_rev for room in told})
        answers = [_to_changed(after[room.id].after_rev, room, found.get(room.id)) for room in rooms.values()]
        return RoomsChanged(_fit_changed(answers))

    async def positions(self, asked: GetPositions) -> Positions:
        """Return where the named timelines stand."""
        async with self._database.reading() as connection:
            return Positions(
                await get_epoch(connection),
                await list_room_revs(connection, asked.room_ids),
                await list_user_revs(connection, asked.user_ids),
            )

    async def user_changes(self, asked: GetUserChanges) -> UserChanges:
        """Return what changed in one user's own timeline; with many items, up to a place before its end."""
        async with self._database.reading() as connection:
            user_rev = await get_user_rev(connection, asked.user_id)
            held, left = await list_changed_rooms(connection, asked.user_id, asked.after_user_rev)
            items = await list_changed_items(connection, asked.user_id, asked.after_user_rev)
            if len(items) == CHANGED_ITEMS_MAX:
                user_rev = items[-1].user_rev  # the rest is asked for next: who asks is still behind
            members = await list_member_of(connection, asked.user_id, held)
            rooms = await list_rooms(connection, list(members))
            memberships = await build_memberships(
                connection, [(rooms[each], members[each]) for each in members]
            )
        return UserChanges(
            user_rev, memberships, left, [UserItemEvent(each.event, Raw(each.data)) for each in items]
        )


def _fit_users(user_ids: list[str], places: dict[str, UserPlace]) -> list[str]:
    """Return as many of the users as one reply may hold, at least one."""
    size_bytes = 0
    for count, user_id in enumerate(user_ids):
        rooms = len(places[user_id].rooms)
        size_bytes += rooms * _ROOM_BYTES + min(rooms, SYNC_PAGE_ROOMS) * _MEMBERSHIP_BYTES
        if count and size_bytes > _ANSWER_MAX_BYTES:
            return user_ids[:count]
    return user_ids


def _to_changed(after_rev: int, room: RoomRow, found: Changed | None) -> RoomChanged:
    reset = found is None or found.is_too_large
    messages, members = NOTHING if reset or found is None else found
    return RoomChanged(after_rev, position_of(room), reset, messages, members, room.to_wire())


def _fit_changed(answers: list[RoomChanged]) -> list[RoomChanged]:
    size_bytes = 0
    for count, answer in enumerate(answers):
        size_bytes += len(msgspec.json.encode(answer))
        if count and size_bytes > _ANSWER_MAX_BYTES:
            return answers[:count]
    return answers
