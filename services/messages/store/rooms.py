"""Rooms: read with the caller's place in them, listed, browsed, inserted and changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.messages.domain.access import refuse_outsider
from services.messages.models import (
    MEMBER_COLUMNS,
    ROOM_COLUMNS,
    ROOM_WIDTH,
    MemberRow,
    RoomRow,
    encode_settings,
    member_row,
    room_row,
)
from services.messages.store.connection import Connection
from shared.errors import not_found

_SEEN = f"""
SELECT {ROOM_COLUMNS}, {MEMBER_COLUMNS} FROM messages.rooms r
LEFT JOIN messages.memberships m ON m.room_id = r.id AND m.user_id = $2 AND m.left_at IS NULL
WHERE r.id = $1
"""
_LISTED = f"""
SELECT {ROOM_COLUMNS} FROM messages.user_rooms u JOIN messages.rooms r ON r.id = u.room_id
WHERE u.user_id = $1 AND u.left_reason IS NULL
  AND ($3::timestamptz IS NULL OR (r.active_at, r.id) < ($3, $4::uuid))
ORDER BY r.active_at DESC, r.id DESC LIMIT $2
"""
_FETCHED = f"""
SELECT {ROOM_COLUMNS} FROM unnest($1::uuid[]) AS k(id) JOIN messages.rooms r ON r.id = k.id
"""
_LOCKED = f"SELECT {ROOM_COLUMNS} FROM messages.rooms r WHERE r.id = $1 FOR UPDATE"
_CLAIMED = f"{_LOCKED} SKIP LOCKED"
_ADDED = """
INSERT INTO messages.rooms (id, kind, name, topic, user_ids, created_by, created_at, active_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (id) DO NOTHING
RETURNING (SELECT epoch FROM messages.deployment)
"""
_CHANGED = """
UPDATE messages.rooms SET name = $2, topic = $3, archived_at = $4, rev = $5, member_count = $6,
    settings = $7::text::jsonb
WHERE id = $1
"""


class Seen(NamedTuple):
    """A room as one user meets it."""

    room: RoomRow
    member: MemberRow | None


async def get_seen(connection: Connection, room_id: str, user_id: str) -> Seen:
    """Return the room and the user's present membership. Raises `not_found` for what they may not know of."""
    record = await connection.fetchrow(_SEEN, room_id, user_id)
    if record is None:
        raise not_found("room")
    values = tuple(record)
    room = room_row(values[:ROOM_WIDTH])
    member = member_row(values[ROOM_WIDTH:]) if values[ROOM_WIDTH] else None
    if member is None and room.kind != "public":
        raise refuse_outsider(room.kind)
    return Seen(room, member)


async def get_member_view(connection: Connection, room_id: str, user_id: str) -> tuple[RoomRow, MemberRow]:
    """Return room and membership. Raises `not_found`, or `forbidden` for an outsider of a public room."""
    room, member = await get_seen(connection, room_id, user_id)
    if member is None:
        raise refuse_outsider(room.kind)
    return room, member


async def list_rooms_of(
    connection: Connection, user_id: str, limit: int, after: tuple[datetime, str] | None
) -> list[RoomRow]:
    """Return a user's rooms, most recently active first, after the given place."""
    active_at, room_id = after or (None, None)
    return [
        room_row(record) for record in await connection.fetch(_LISTED, user_id, limit, active_at, room_id)
    ]


async def list_rooms(connection: Connection, room_ids: Sequence[str]) -> dict[str, RoomRow]:
    """Return those of the rooms that exist, by id."""
    rows = [room_row(record) for record in await connection.fetch(_FETCHED, room_ids)]
    return {row.id: row for row in rows}


async def find_locked(connection: Connection, room_id: str) -> RoomRow | None:
    """Lock a room until the transaction ends, waiting at most the connection's lock timeout."""
    record = await connection.fetchrow(_LOCKED, room_id)
    return room_row(record) if record else None


async def find_unlocked(connection: Connection, room_id: str) -> RoomRow | None:
    """Lock a room until the transaction ends, unless somebody holds it: then None, as if there were none."""
    record = await connection.fetchrow(_CLAIMED, room_id)
    return room_row(record) if record else None


async def insert_room(connection: Connection, room: RoomRow) -> bool:
    """Insert a room unless one has that id, and set its epoch; tell whether it was inserted.

    Waits for a transaction that is inserting the same id.
    """
    epoch = await connection.fetchval(
        _ADDED, room.id, room.kind, room.name, room.topic, room.user_ids, room.created_by, room.created_at
    )  # fmt: skip
    if epoch is None:
        return False
    room.epoch = epoch
    return True


async def update_room(connection: Connection, room: RoomRow) -> None:
    """Write back what commands other than messages change."""
    await connection.execute(
        _CHANGED, room.id, room.name, room.topic, room.archived_at, room.rev, room.member_count,
        encode_settings(room.settings),
    )  # fmt: skip
