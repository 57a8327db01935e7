"""Where timelines stand: what gateways compare theirs with, for thousands at once."""

from collections.abc import Sequence

from services.messages.store.connection import Connection

_EPOCH = "SELECT epoch FROM messages.deployment"
_ROOMS = "SELECT id, rev FROM messages.rooms WHERE id = ANY($1::uuid[])"
_USERS = "SELECT user_id, rev FROM messages.user_timelines WHERE user_id = ANY($1::uuid[])"
_ROOMS_OF = """
SELECT u.user_id, r.id, r.rev FROM messages.user_rooms u JOIN messages.rooms r ON r.id = u.room_id
WHERE u.user_id = ANY($1::uuid[]) AND u.left_reason IS NULL ORDER BY r.active_at DESC, r.id DESC
"""


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


async def list_rooms_by_user(
    connection: Connection, user_ids: Sequence[str]
) -> dict[str, list[tuple[str, int]]]:
    """Return the rooms of each user with their revs, most recently active first."""
    found: dict[str, list[tuple[str, int]]] = {user_id: [] for user_id in user_ids}
    for user_id, room_id, rev in await connection.fetch(_ROOMS_OF, user_ids):
        found[str(user_id)].append((str(room_id), rev))
    return found
