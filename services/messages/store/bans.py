"""Who is banned from which room. Read under the room's lock by all that lets somebody in."""

from collections.abc import Sequence
from typing import NamedTuple

from services.messages.store.connection import Connection
from shared.clock import to_wire
from shared.contracts.entities import Ban

_PUT = """
INSERT INTO messages.bans (room_id, user_id, banned_by, banned_at)
VALUES ($1, $2, $3, clock_timestamp()) ON CONFLICT (room_id, user_id) DO NOTHING
"""
_LIFT = "DELETE FROM messages.bans WHERE room_id = $1 AND user_id = $2"
_AMONG = "SELECT user_id FROM messages.bans WHERE room_id = $1 AND user_id = ANY($2::uuid[])"
_PAGE = """
SELECT room_id, user_id, banned_by, banned_at FROM messages.bans
WHERE room_id = $1 AND ($3::uuid IS NULL OR user_id > $3) ORDER BY user_id LIMIT $2
"""


class BannedFrom(NamedTuple):
    room_id: str
    user_id: str


async def put_ban(connection: Connection, ban: BannedFrom, banned_by: str) -> None:
    """Ban somebody; who is banned already stays as they are. The room must be locked."""
    await connection.execute(_PUT, ban.room_id, ban.user_id, banned_by)


async def lift_ban(connection: Connection, ban: BannedFrom) -> None:
    await connection.execute(_LIFT, ban.room_id, ban.user_id)


async def list_banned(connection: Connection, room_id: str, user_ids: Sequence[str]) -> set[str]:
    """Return those of the users who are banned."""
    return {str(record[0]) for record in await connection.fetch(_AMONG, room_id, user_ids)}


async def list_bans(connection: Connection, room_id: str, limit: int, after: str | None) -> list[Ban]:
    """Return the room's bans by user id, after the given one."""
    return [
        Ban(str(room), str(user_id), str(banned_by), to_wire(banned_at))
        for room, user_id, banned_by, banned_at in await connection.fetch(_PAGE, room_id, limit, after)
    ]
