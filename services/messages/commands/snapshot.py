"""Sync elements: what a client that holds these positions has to be told of these rooms."""

from collections.abc import Mapping, Sequence

import msgspec

from services.messages.domain.catching_up import choose_state
from services.messages.domain.pages import fit
from services.messages.models import RoomRow
from services.messages.store.changes import NOTHING, Changed, list_changes, position_of
from services.messages.store.connection import Connection
from services.messages.store.members import build_memberships
from services.messages.store.messages import list_newest
from services.messages.store.rooms import list_rooms
from services.messages.store.users import list_member_of
from shared.contracts.entities import Member, Membership, Message
from shared.contracts.limits import REPLY_MAX_BYTES
from shared.contracts.sync import HeldPosition, SyncElement, SyncState

# New rooms hold 30 messages each: 25 fill a page as a rule, so more would be read for nothing.
_ROOMS_AT_ONCE = 25
_BUDGET_BYTES = REPLY_MAX_BYTES - 4_096


async def build_elements(
    connection: Connection,
    user_id: str,
    room_ids: Sequence[str],
    held: Mapping[str, HeldPosition],
) -> tuple[list[SyncElement], int]:
    """Return the elements of a prefix of the rooms, as far as a page reaches, and how long the prefix is.

    Rooms that the user is not in are left out. At least one room is answered.
    """
    elements: list[SyncElement] = []
    used_bytes = 0
    for start in range(0, len(room_ids), _ROOMS_AT_ONCE):
        part = room_ids[start : start + _ROOMS_AT_ONCE]
        built = await _build_part(connection, user_id, part, held)
        for place, room_id in enumerate(part):
            element = built.get(room_id)
            if element is None:
                continue
            size_bytes = len(msgspec.json.encode(element)) + 1
            if used_bytes + size_bytes > _BUDGET_BYTES:
                if elements:
                    return elements, start + place
                element = _shorten(element)
            elements.append(element)
            used_bytes += size_bytes
    return elements, len(room_ids)


async def _build_part(
    connection: Connection, user_id: str, room_ids: Sequence[str], held: Mapping[str, HeldPosition]
) -> dict[str, SyncElement]:
    members = await list_member_of(connection, user_id, room_ids)
    rooms = await list_rooms(connection, list(members))
    memberships = await build_memberships(connection, [(rooms[each], members[each]) for each in rooms])
    states = {room.id: choose_state(held.get(room.id), position_of(room)) for room in rooms.values()}
    behind = [room for room in rooms.values() if states[room.id] == "caught_up"]
    changes = await list_changes(connection, behind, {room.id: held[room.id].rev for room in behind})
    for room_id, changed in changes.items():
        if changed.is_too_large:
            states[room_id] = "reset"
    fresh = {each: rooms[each].last_seq for each, state in states.items() if state in ("new", "reset")}
    newest = await list_newest(connection, fresh) if fresh else {}
    return {
        room.id: _element(
            room,
            mine,
            states[room.id],
            changes.get(room.id),
            [row.to_wire() for row in newest.get(room.id, ()) if row.seq >= room.first_seq],
        )
        for room, mine in zip(rooms.values(), memberships, strict=True)
    }


def _element(
    room: RoomRow, membership: Membership, state: SyncState, changed: Changed | None, newest: list[Message]
) -> SyncElement:
    messages, members = newest, list[Member]()
    if state == "caught_up":
        messages, members = changed or NOTHING
    return SyncElement(room.to_wire(), membership, position_of(room), state, messages, members)


def _shorten(element: SyncElement) -> SyncElement:
    """Drop the oldest messages of a new or reset room until it fits. Changes are never cut."""
    sizes = [len(msgspec.json.encode(message)) + 1 for message in element.messages]
    kept = fit(sizes, _BUDGET_BYTES - 8_192, len(sizes) - 1)
    return msgspec.structs.replace(element, messages=element.messages[kept])
