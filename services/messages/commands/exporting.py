"""Answers with one document of an export at a time: what a user has in rooms, and what they wrote there.

Nothing is kept between two questions: the cursor says where to go on, at any replica.
"""

from time import monotonic
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct, structs

from services.messages.domain.pages import fit
from services.messages.models import MessageRow
from services.messages.store import erasing as walk
from services.messages.store import exporting as store
from services.messages.store.connection import Connection
from services.messages.store.erasing import STRIDE
from services.messages.store.transaction import Database
from shared.clock import to_wire
from shared.contracts.entities import Mentions
from shared.contracts.internal import ExportPage, GetExportPage
from shared.contracts.limits import REPLY_MAX_BYTES

# Room for what stands around the rows, and for the ids of people.
_ROWS_MAX_BYTES = REPLY_MAX_BYTES - 64 * 1024
# Around a text; the texts themselves are measured, and may grow when they are escaped.
_MESSAGE_BYTES = 700
_TEXTS_MAX_BYTES = _ROWS_MAX_BYTES // 2
# With nothing found in that time, the caller is told so: its own time is bounded.
_LOOKED_S = 1.0
_NOTHING = Raw(b"null")
_FIRST_ID = "00000000-0000-0000-0000-000000000000"

Part = Literal["rooms", "items", "invites", "messages", "history", "reactions", "end"]


class Place(Struct, frozen=True):
    """Where the next document begins."""

    part: Part = "rooms"
    room_id: str | None = None
    """Of the walk through the rooms; before it, the last room of the list."""
    rev: int = 0
    after: list[Any] = []
    """The key of the last row, of parts that are sorted by more than a rev."""


class Found(Struct, frozen=True):
    """Rows for a document, if there are any, and where to go on."""

    place: Place
    rows: list[Any] = []
    people: list[str] = []


class OwnRoom(Struct, frozen=True):
    id: str
    kind: str
    name: str | None
    user_ids: list[str]
    is_creator: bool
    role: str
    joined_at: str
    left_at: str | None
    read_seq: int
    notify: str


class OwnMessage(Struct, frozen=True):
    id: str
    room_id: str
    seq: int
    thread_id: str | None
    reply_to: str | None
    text: str
    mentions: Mentions
    created_at: str
    edited_at: str | None
    deleted_at: str | None
    pinned_at: str | None


class Exporting:
    """The handler of one call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_page(self, asked: GetExportPage) -> ExportPage:
        """Return the next document, or none where there was nothing within a second of looking."""
        deadline_s = monotonic() + _LOOKED_S
        place = msgspec.json.decode(asked.cursor, type=Place) if asked.cursor else Place()
        while place.part != "end":
            async with self._database.reading() as connection:
                found = await _READERS[place.part](connection, asked.user_id, place)
            if found.rows or monotonic() > deadline_s:
                return _to_page(place, found)
            place = found.place
        return ExportPage(None, _NOTHING, [], None)


def _to_page(place: Place, found: Found) -> ExportPage:
    is_last = found.place.part == "end"
    cursor = None if is_last else msgspec.json.encode(found.place).decode()
    if not found.rows:
        return ExportPage(None, _NOTHING, [], cursor)
    document = msgspec.json.encode({place.part: found.rows})
    name = f"{place.part}/{place.room_id}" if place.part in _OF_ROOMS else place.part
    return ExportPage(name, Raw(document), found.people, cursor)


_OF_ROOMS = ("messages", "history", "reactions")


async def _read_rooms(connection: Connection, user_id: str, place: Place) -> Found:
    found = await store.list_places(connection, user_id, place.room_id)
    rows = [
        OwnRoom(
            id=each.id, kind=each.kind, name=each.name, user_ids=each.user_ids, is_creator=each.is_creator,
            role=each.role, joined_at=to_wire(each.joined_at),
            left_at=to_wire(each.left_at) if each.left_at else None, read_seq=each.read_seq,
            notify=each.notify,
        )
        for each in found
    ]  # fmt: skip
    kept = _fit(rows)
    people = sorted({user_id for row in rows[:kept] for user_id in row.user_ids})
    if kept == len(found) and len(found) < store.ROOMS_AT_ONCE:
        return Found(Place("items", after=["", _FIRST_ID, _FIRST_ID]), rows, people)
    return Found(Place("rooms", rows[kept - 1].id), rows[:kept], people)


async def _read_items(connection: Connection, user_id: str, place: Place) -> Found:
    kind, room_id, item_id = place.after
    found = await store.list_items(connection, user_id, (kind, room_id, item_id))
    rows = [{"kind": each.kind, "data": Raw(each.data)} for each in found]
    kept = _fit(rows)
    if kept == len(found) and len(found) < store.ITEMS_AT_ONCE:
        return Found(Place("invites", after=[_FIRST_ID, _FIRST_ID]), rows)
    last = found[kept - 1]
    return Found(Place("items", after=[last.kind, last.room_id, last.item_id]), rows[:kept])


async def _read_invites(connection: Connection, user_id: str, place: Place) -> Found:
    room_id, invite_id = place.after
    found = await store.list_invites(connection, user_id, (room_id, invite_id))
    rows = [each._asdict() for each in found]
    if len(found) < store.INVITES_AT_ONCE:
        return Found(await _enter_room(connection, user_id, None), rows)
    return Found(Place("invites", after=[found[-1].room_id, found[-1].id]), rows)


async def _enter_room(connection: Connection, user_id: str, left_id: str | None) -> Place:
    """Return the beginning of the next room, after the given one."""
    rooms = await walk.list_next_rooms(connection, user_id, left_id)
    further = [room for room in rooms if room.id != left_id]
    return Place("messages", further[0].id) if further else Place("end")


async def _read_messages(connection: Connection, user_id: str, place: Place) -> Found:
    room_id = _room_of(place)
    scanned = await walk.scan_messages(connection, room_id, place.rev)
    own, used_bytes, is_all = list[walk.ScannedMessage](), 0, True
    for each in scanned:
        used_bytes += (each.text_bytes + _MESSAGE_BYTES) * (each.sender_id == user_id)
        if used_bytes > _TEXTS_MAX_BYTES and own:
            is_all = False
            break
        if each.sender_id == user_id:
            own.append(each)
    rows = [_to_own(row) for row in await store.list_messages(connection, room_id, [e.id for e in own])]
    kept = _fit(rows)
    if kept < len(rows) or not is_all:
        return Found(structs.replace(place, rev=own[kept - 1].rev), rows[:kept])
    if len(scanned) == STRIDE:
        return Found(structs.replace(place, rev=scanned[-1].rev), rows)
    return Found(Place("history", room_id, after=[_FIRST_ID, 0]), rows)


async def _read_history(connection: Connection, user_id: str, place: Place) -> Found:
    room_id = _room_of(place)
    message_id, rev = place.after
    scanned = await store.scan_versions(connection, room_id, (message_id, rev))
    own = [each for each in scanned if each.sender_id == user_id][: store.VERSIONS_AT_ONCE]
    rows = [
        {"message_id": each.message_id, "text": each.text, "written_at": to_wire(each.written_at)}
        for each in await store.list_versions(connection, room_id, own)
    ]
    kept = _fit(rows)
    if kept < len(rows) or len(own) == store.VERSIONS_AT_ONCE:
        return Found(structs.replace(place, after=[own[kept - 1].message_id, own[kept - 1].rev]), rows[:kept])
    if len(scanned) == STRIDE:
        return Found(structs.replace(place, after=[scanned[-1].message_id, scanned[-1].rev]), rows)
    return Found(Place("reactions", room_id, after=[_FIRST_ID, "", _FIRST_ID]), rows)


async def _read_reactions(connection: Connection, user_id: str, place: Place) -> Found:
    room_id = _room_of(place)
    message_id, emoji, reactor_id = place.after
    scanned = await walk.scan_reactions(connection, room_id, (message_id, emoji, reactor_id))
    rows = [
        {"message_id": each.message_id, "emoji": each.emoji} for each in scanned if each.user_id == user_id
    ]
    if len(scanned) == STRIDE:
        return Found(structs.replace(place, after=list(scanned[-1].place)), rows)
    return Found(await _enter_room(connection, user_id, room_id), rows)


_READERS = {
    "rooms": _read_rooms,
    "items": _read_items,
    "invites": _read_invites,
    "messages": _read_messages,
    "history": _read_history,
    "reactions": _read_reactions,
}


def _room_of(place: Place) -> str:
    assert place.room_id is not None, "the walk is in a room"
    return place.room_id


def _fit(rows: list[Any]) -> int:
    """Return how many of the rows, from the first on, one document holds."""
    sizes = [len(msgspec.json.encode(row)) + 1 for row in rows]
    return len(rows[fit(sizes, _ROWS_MAX_BYTES, 0)])


def _to_own(row: MessageRow) -> OwnMessage:
    return OwnMessage(
        id=row.id, room_id=row.room_id, seq=row.seq, thread_id=row.thread_id, reply_to=row.reply_to,
        text=row.text, mentions=row.mentions, created_at=to_wire(row.created_at),
        edited_at=to_wire(row.edited_at) if row.edited_at else None,
        deleted_at=to_wire(row.deleted_at) if row.deleted_at else None,
        pinned_at=to_wire(row.pinned_at) if row.pinned_at else None,
    )  # fmt: skip
