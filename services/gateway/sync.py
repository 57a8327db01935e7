"""Sync: one snapshot, then the stream. Attaches connections to rooms and places them.

The order is what makes it whole: follow the user's timeline, attach to the rooms, read the snapshot (from
this node's memory where it reaches, else from the store), write it, place.
"""

import asyncio
from collections.abc import Mapping

import msgspec

from services.gateway.connection import Connection
from services.gateway.hub import Hub
from services.gateway.recall import fold
from services.gateway.scoped_connection import narrow
from services.gateway.store_client import OwnRooms, StoreClient
from services.gateway.users import Users
from shared.contracts.entities import Position
from shared.contracts.internal import GetSnapshot, RoomOf
from shared.contracts.limits import REPLY_MAX_BYTES, SYNC_MAX_REVS_BEHIND, SYNC_PAGE_ROOMS
from shared.contracts.sync import HeldPosition, Sync, Synced, SyncElement
from shared.errors import ChatError, invalid, not_found
from shared.telemetry import get_logger

log = get_logger(__name__)

_PAGE_MAX_BYTES = REPLY_MAX_BYTES - 8_192

Held = Mapping[str, HeldPosition]


class Syncer:
    """Answers `sync`, and attaches to rooms that are added later."""

    def __init__(self, store: StoreClient, hub: Hub, users: Users) -> None:
        self._store = store
        self._hub = hub
        self._users = users

    async def sync(self, connection: Connection, request: Sync) -> Synced:
        """Answer one page; its rooms deliver from the moment its reply is written."""
        user = self._users.by_id.get(connection.user_id)
        if user is None or connection.is_closed:
            raise not_found("connection")
        self._users.follow(user)
        with self._users.keep_back(user):
            own = narrow(await self._store.get_rooms_of(connection.user_id), connection.claims.grant)
            self._users.place(user, own.user_rev, own.epoch)
            left = _begin_plan(connection, request, own) if request.cursor is None else []
            start = _read_cursor(connection, request.cursor)
            page = list(connection.plan[start : start + SYNC_PAGE_ROOMS])
            elements, answered = await self._answer(connection, page, request.rooms, own)
            connection.is_synced = True
        end = start + answered
        more = answered > 0 and end < len(connection.plan)
        if not more:
            connection.plan = ()  # 2 KB of ids for twenty rooms
        # Placed in the next turn: whoever called writes the reply in this one.
        asyncio.get_running_loop().call_soon(self._place_all, connection, elements)
        return Synced(elements, left, str(end) if more else None)

    async def add_room(self, connection: Connection, room_id: str) -> SyncElement | None:
        """Attach a synced connection to a room it is not yet in; None if there is nothing to add.

        The caller sends the element and then calls `place`.
        """
        if not connection.is_synced or not connection.covers(room_id):
            return None
        if connection.find_room(room_id) is not None:
            return None
        self._attach(connection, [room_id])
        elements, _ = await self._ask_store(connection, [room_id], {}, [room_id])
        return elements.get(room_id)

    def place(self, connection: Connection, element: SyncElement) -> None:
        """Let a room's events flow to a connection from the element's position on."""
        room = connection.find_room(element.room.id)
        if room is not None and not connection.is_closed:
            room.place(connection, element.position.epoch, element.position.rev)

    async def _answer(
        self, connection: Connection, page: list[str], held: Held, own: OwnRooms
    ) -> tuple[list[SyncElement], int]:
        """Return the elements of a prefix of the page, and how many rooms that prefix has."""
        self._attach(connection, page)
        found: dict[str, SyncElement] = {}
        if any(room_id in held for room_id in page):
            try:
                if await self._remember(page, held, own):
                    own = await self._store.get_rooms_of(connection.user_id)
            except ChatError as exc:
                log.warning("memory_not_filled", code=exc.code)  # the store is asked for all of it then
            found = self._recall(page, held, own)
        asked = [room_id for room_id in page if room_id not in found]
        from_store, answered = await self._ask_store(connection, asked, held, page)
        found |= from_store
        reached = page.index(asked[answered]) if answered < len(asked) else len(page)
        kept = _fit(page[:reached], found)
        self._detach(connection, [room_id for room_id in page if room_id not in found or room_id not in kept])
        return [found[room_id] for room_id in kept if room_id in found], len(kept)

    def _attach(self, connection: Connection, room_ids: list[str]) -> None:
        if connection.is_closed:
            return  # it has been let go of while the store was asked: nobody would detach it again
        added = []
        for room_id in room_ids:
            room = self._hub.expect(room_id, connection)
            if connection.find_room(room_id) is None:
                added.append(room)
        connection.rooms = (*connection.rooms, *added)

    def _detach(self, connection: Connection, room_ids: list[str]) -> None:
        for room_id in room_ids:
            room = connection.find_room(room_id)
            if room is not None:
                self._hub.detach(room, connection)
                connection.forget_room(room)

    async def _remember(self, page: list[str], held: Held, own: OwnRooms) -> bool:
        """Fill the memory of rooms that the client comes back to, up to now at least.

        Returns whether that took asking: then `own` must be read again, to name a point that it reaches.
        """
        lacking = []
        for entry in own.rooms:
            position = held.get(entry.room_id)
            room = self._hub.rooms_by_id.get(entry.room_id)
            if room is None or position is None or entry.room_id not in page:
                continue
            if not _is_recallable(position, own.epoch, entry.rev):
                continue
            if room.recall(own.epoch, position.rev, entry.rev) is None:
                lacking.append(self._hub.remember(room, position.epoch, position.rev))
        await asyncio.gather(*lacking)
        return bool(lacking)

    def _recall(self, page: list[str], held: Held, own: OwnRooms) -> dict[str, SyncElement]:
        """Return the elements that this node can answer by itself, by room."""
        found = {}
        wanted = set(page)
        for entry in own.rooms:
            position = held.get(entry.room_id)
            if position is None or entry.membership is None or entry.room_id not in wanted:
                continue
            if _is_recallable(position, own.epoch, entry.rev):
                element = self._recall_room(entry, position, own)
                if element is not None:
                    found[entry.room_id] = element
        return found

    def _recall_room(self, entry: RoomOf, position: HeldPosition, own: OwnRooms) -> SyncElement | None:
        room = self._hub.rooms_by_id.get(entry.room_id)
        payloads = room.recall(own.epoch, position.rev, entry.rev) if room else None
        if payloads is None or entry.membership is None:
            return None
        room_now = own.rooms_by_id[entry.room_id]
        messages, members = fold(payloads, position.rev, room_now.first_seq)
        return SyncElement(
            room=room_now,
            membership=entry.membership,
            position=Position(own.epoch, entry.rev),
            state="caught_up" if payloads else "current",
            messages=messages,
            members=members,
        )

    async def _ask_store(
        self, connection: Connection, room_ids: list[str], held: Held, page: list[str]
    ) -> tuple[dict[str, SyncElement], int]:
        """Return the store's elements for a prefix of `room_ids`; if it cannot be asked, let the page go."""
        if not room_ids:
            return {}, 0
        named = {room_id: held[room_id] for room_id in room_ids if room_id in held}
        try:
            snapshot = await self._store.get_snapshot(GetSnapshot(connection.user_id, room_ids, named))
        except ChatError:
            self._detach(connection, page)
            raise
        return {element.room.id: element for element in snapshot.elements}, snapshot.answered

    def _place_all(self, connection: Connection, elements: list[SyncElement]) -> None:
        for element in elements:
            self.place(connection, element)


def _is_recallable(position: HeldPosition, epoch: int, rev: int) -> bool:
    """Whether a position can be caught up from at all; if not, the store answers `reset`."""
    return position.epoch == epoch and 0 <= rev - position.rev <= SYNC_MAX_REVS_BEHIND


def _fit(room_ids: list[str], found: dict[str, SyncElement]) -> list[str]:
    """Return as many of the rooms as a reply may hold, at least one."""
    size_bytes = 0
    for count, room_id in enumerate(room_ids):
        size_bytes += len(msgspec.json.encode(found[room_id])) if room_id in found else 0
        if count and size_bytes > _PAGE_MAX_BYTES:
            return room_ids[:count]
    return room_ids


def _read_cursor(connection: Connection, cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal() or int(cursor) > len(connection.plan):
        raise invalid("cursor", "is not a cursor that this connection was given")
    return int(cursor)


def _begin_plan(connection: Connection, request: Sync, own: OwnRooms) -> list[str]:
    """Decide which rooms the pages answer, most recently active first; return the ids that are left."""
    member_of = [room.room_id for room in own.rooms]
    if request.only:
        connection.plan = tuple(room_id for room_id in member_of if room_id in request.rooms)
    else:
        connection.plan = tuple(member_of)
    known = set(member_of)
    return [room_id for room_id in request.rooms if room_id not in known]
