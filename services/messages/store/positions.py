"""Where timelines stand: what gateways compare theirs with, for thousands at once."""

from collections.abc import Sequence
from typing import NamedTuple

from services.messages.store.connection import Connection

_EPOCH = "SELECT epoch FROM messages.deployment"
_ROOMS = "SELECT id, rev FROM messages.rooms WHERE id = ANY($1::uuid[])"
_USERS = "SELECT user_id, rev FROM messages.user_timelines WHERE user_id = ANY($1::uuid[])"
_PLACES_OF = """
SELECT d.epoch, k.user_id, coalesce(t.rev, 0), r.id, r.rev
FROM messages.deployment d CROSS JOIN unnest($1::uuid[]) AS k(user_id)
LEFT JOIN messages.user_timelines t ON t.user_id = k.user_id
LEFT JOIN messages.user_rooms u ON u.user_id = k.user_id AND u.left_reason IS NULL
LEFT JOIN messages.rooms r ON r.id = u.room_id
ORDER BY r.active_at DESC NULLS LAST, r.id DESC
"""


class UserPlace(NamedTuple):
    """Where one user's timelines stand: their own, and their rooms', most recently active first."""

    rev: int
    rooms: list[tuple[str, int]]


async def get_epoch(connection: Connection) -> int:
    epoch: int = await connection.fetchval(_EPOCH)
    return epoch


async def list_room_revs(connection: Connection, room_ids: Sequence[str]) -> dict[str, int]:
    """Return the rev of those rooms that exist."""
    return (
        {str(room_id): rev for room_id, rev in await connection.fetch(_ROOMS, room_ids)} if room_ids else {}
    )


async def list_user_revs(connection: Connection, user_ids: Sequence[str]) -> dict[str, int]:
    """Return the rev of those users who ever were in a room."""
    return (
        {str(user_id): rev for user_id, rev in await connection.fetch(_USERS, user_ids)} if user_ids else {}
    )


async def list_places(connection: Connection, user_ids: Sequence[str]) -> tuple[int, dict[str, UserPlace]]:
    """Return the epoch and the place of each user, in one statement."""
    records = await connection.fetch(_PLACES_OF, user_ids)
    found: dict[str, UserPlace] = {}
    for _, user_id, rev, room_id, room_rev in records:
        place = found.setdefault(str(user_id), UserPlace(rev, []))
        if room_id is not None:
            place.rooms.append((str(room_id), room_rev))
    return records[0][0] if records else await get_epoch(connection), found
