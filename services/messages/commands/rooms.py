"""Commands of rooms: create, find, change, join and leave.

A new room is at rev 0; each of its first members then takes one, the creator first.
"""

from datetime import datetime

from msgspec import UNSET

from services.messages.commands.joining import check_not_banned, let_go, let_in
from services.messages.commands.people import People
from services.messages.domain import access
from services.messages.domain.cursors import decode_cursor, encode_cursor
from services.messages.domain.settings import change_settings
from services.messages.models import DEFAULT_SETTINGS, MemberRow, RoomRow
from services.messages.store.directory import SORT_KEYS, list_public_rooms
from services.messages.store.members import build_memberships, count_owners
from services.messages.store.rooms import get_seen, list_rooms, list_rooms_of
from services.messages.store.transaction import Database
from services.messages.store.users import list_member_of
from shared.bus import Caller
from shared.contracts.entities import Empty, MemberRole, Membership, Room, RoomKind
from shared.contracts.fields import Id
from shared.contracts.rooms import (
    BrowseRooms,
    CreateRoom,
    ListRooms,
    OneRoom,
    OwnRoom,
    OwnRooms,
    Rooms,
    UpdateRoom,
)
from shared.errors import conflict, unavailable
from shared.ids import new_id


class RoomCommands:
    """Handlers; each is one transaction."""

    def __init__(self, database: Database, people: People) -> None:
        self._database = database
        self._people = people

    async def create(self, caller: Caller, asked: CreateRoom) -> Room:
        """Create, or return the room that the same creator made with the same id."""
        if asked.id is not None and (made := await self._find_created(asked.id, caller.user_id)) is not None:
            return made
        others = sorted(set(asked.member_ids or ()) - {caller.user_id})
        await self._people.check(others)
        async with self._database.changing() as transaction:
            room = new_room(
                asked.id or new_id(), asked.kind, caller.user_id, await transaction.get_now(),
                name=asked.name, topic=asked.topic or "",
            )  # fmt: skip
            change = await transaction.add_room(room)
            if change is not None:
                let_in(change, caller.user_id, "owner")
                for user_id in others:
                    let_in(change, user_id, "member")
                return room.to_wire()
        if (made := await self._find_created(room.id, caller.user_id)) is None:
            raise unavailable("the same room is being created elsewhere")
        return made

    async def list_own(self, caller: Caller, asked: ListRooms) -> OwnRooms:
        after = decode_cursor(asked.cursor, tuple[datetime, Id]) if asked.cursor else None
        async with self._database.reading() as connection:
            rooms = await list_rooms_of(connection, caller.user_id, asked.limit + 1, after)
            page = rooms[: asked.limit]
            members = await list_member_of(connection, caller.user_id, [room.id for room in page])
            memberships = await build_memberships(connection, [(room, members[room.id]) for room in page])
        own = [OwnRoom(room.to_wire(), mine) for room, mine in zip(page, memberships, strict=True)]
        has_more = len(rooms) > asked.limit
        return OwnRooms(own, encode_cursor((page[-1].active_at, page[-1].id)) if has_more else None)

    async def browse(self, _caller: Caller, asked: BrowseRooms) -> Rooms:
        after = decode_cursor(asked.cursor, SORT_KEYS[asked.sort]) if asked.cursor else None
        async with self._database.reading() as connection:
            found = await list_public_rooms(connection, asked.q, asked.sort, asked.limit + 1, after)
        page = found[: asked.limit]
        has_more = len(found) > asked.limit
        cursor = encode_cursor((page[-1][0], page[-1][1].id)) if has_more else None
        return Rooms([room.to_wire() for _, room in page], cursor)

    async def get(self, caller: Caller, asked: OneRoom) -> Room:
        async with self._database.reading() as connection:
            room, _ = await get_seen(connection, asked.room_id, caller.user_id)
        return room.to_wire()

    async def update(self, caller: Caller, asked: UpdateRoom) -> Room:
        async with self._database.changing() as transaction:
            change, member = await transaction.lock_room(asked.room_id, caller.user_id)
            room = change.room
            check_may_change(room, member, "moderator")
            access.check_open(room.archived_at is not None)
            before = (room.name, room.topic, room.settings)
            room.name = room.name if asked.name is UNSET else asked.name
            room.topic = room.topic if asked.topic is UNSET else asked.topic
            if asked.settings is not UNSET:
                room.settings = change_settings(room.settings, asked.settings)
            if (room.name, room.topic, room.settings) != before:
                change.change_room("room.updated")
            return room.to_wire()

    async def archive(self, caller: Caller, asked: OneRoom) -> Room:
        async with self._database.changing() as transaction:
            change, member = await transaction.lock_room(asked.room_id, caller.user_id)
            room = change.room
            check_may_change(room, member, "owner")
            if room.archived_at is None:
                room.archived_at = change.now
                change.change_room("room.archived")
            return room.to_wire()

    async def join(self, caller: Caller, asked: OneRoom) -> Membership:
        async with self._database.changing() as transaction:
            change, member = await transaction.lock_room(asked.room_id, caller.user_id)
            room = change.room
            if member is None:
                access.check_open(room.archived_at is not None)
                await check_not_banned(change, [caller.user_id])
                member = let_in(change, caller.user_id, access.joining_role(room.member_count))
            return (await build_memberships(transaction.connection, [(room, member)]))[0]

    async def leave(self, caller: Caller, asked: OneRoom) -> Empty:
        async with self._database.changing() as transaction:
            change, member = await transaction.lock_room(asked.room_id, caller.user_id)
            room = change.room
            if member is None:
                raise access.refuse_outsider(room.kind)
            access.check_has_roles(room.kind)
            if member.role == "owner":
                owners = await count_owners(transaction.connection, room.id)
                access.check_owner_stays(member.role, owners, room.member_count)
            let_go(change, member, "left")
        return Empty()

    async def _find_created(self, room_id: str, user_id: str) -> Room | None:
        """Return the caller's own room of that id, or None. Raises `conflict` if it is anybody else's."""
        async with self._database.reading() as connection:
            room = (await list_rooms(connection, [room_id])).get(room_id)
            if room is None:
                return None
            is_member = bool(await list_member_of(connection, user_id, [room_id]))
        if room.created_by != user_id or room.user_ids is not None or not is_member:
            raise conflict("another room has this id")
        return room.to_wire()


def check_may_change(room: RoomRow, member: MemberRow | None, least: MemberRole) -> MemberRow:
    """Return the caller's membership if it allows to change the room itself."""
    if member is None:
        raise access.refuse_outsider(room.kind)
    access.check_has_roles(room.kind)
    access.check_role(member.role, least)
    return member


def new_room(
    room_id: str, kind: RoomKind, creator: str, now: datetime, *, name: str | None = None, topic: str = "",
    user_ids: list[str] | None = None,
) -> RoomRow:  # fmt: skip
    """Return a room before its first change."""
    return RoomRow(
        id=room_id, kind=kind, name=name, topic=topic, user_ids=user_ids, created_by=creator, created_at=now,
        archived_at=None, rev=0, first_seq=1, last_seq=0, member_count=0, settings=DEFAULT_SETTINGS,
        active_at=now, epoch=0,
    )  # fmt: skip
