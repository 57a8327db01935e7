"""The statements of an export: what a user has in rooms, page by page, each reading a bounded stride of rows.

The walk through the rooms, and why there is one, is `erasing`'s.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.messages.models import MESSAGE_COLUMNS, MessageRow, message_row
from services.messages.store.connection import Connection
from services.messages.store.erasing import STRIDE

ROOMS_AT_ONCE = 500
INVITES_AT_ONCE = 500
# A draft can have 64 KB, and so can an earlier text.
ITEMS_AT_ONCE = 50
VERSIONS_AT_ONCE = 50

# Of private rooms that were left, what has become of their name is not the user's to know.
_ROOMS = """
SELECT r.id, r.kind, CASE WHEN m.left_at IS NULL OR r.kind = 'public' THEN r.name END, r.user_ids,
       r.created_by = $1, m.role, m.joined_at, m.left_at, m.read_seq, m.notify
FROM messages.user_rooms u
JOIN messages.rooms r ON r.id = u.room_id
JOIN messages.memberships m ON m.room_id = u.room_id AND m.user_id = u.user_id
WHERE u.user_id = $1 AND ($2::uuid IS NULL OR u.room_id > $2) ORDER BY u.room_id LIMIT $3
"""
_ITEMS = """
SELECT i.kind, i.room_id, i.item_id, i.data::text FROM messages.user_items i
WHERE i.user_id = $1 AND NOT i.is_removed AND (i.kind, i.room_id, i.item_id) > ($2, $3, $4)
ORDER BY i.kind, i.room_id, i.item_id LIMIT $5
"""
_INVITES = """
SELECT i.room_id, i.id, i.created_at, i.expires_at, i.max_uses, i.uses, i.revoked_at FROM messages.invites i
WHERE i.created_by = $1 AND (i.room_id, i.id) > ($2, $3) ORDER BY i.room_id, i.id LIMIT $4
"""
_MESSAGES = f"""
SELECT {MESSAGE_COLUMNS} FROM messages.messages g
WHERE g.room_id = $1 AND g.id = ANY($2::uuid[]) ORDER BY g.rev
"""
_SCAN_VERSIONS = """
SELECT h.message_id, h.rev, g.sender_id FROM (
    SELECT room_id, message_id, rev FROM messages.message_history
    WHERE room_id = $1 AND (message_id, rev) > ($2, $3) ORDER BY message_id, rev LIMIT $4
) h JOIN messages.messages g ON g.room_id = h.room_id AND g.id = h.message_id
ORDER BY h.message_id, h.rev
"""
_VERSIONS = """
SELECT h.message_id, h.rev, h.text, h.written_at FROM unnest($2::uuid[], $3::bigint[]) AS k(message_id, rev)
JOIN messages.message_history h ON h.room_id = $1 AND h.message_id = k.message_id AND h.rev = k.rev
ORDER BY h.message_id, h.rev
"""


class RoomPlace(NamedTuple):
    """A room as the user stands, or stood, in it."""

    id: str
    kind: str
    name: str | None
    user_ids: list[str]
    is_creator: bool
    role: str
    joined_at: datetime
    left_at: datetime | None
    read_seq: int
    notify: str


class KeptItem(NamedTuple):
    kind: str
    room_id: str
    item_id: str
    data: bytes


class MadeInvite(NamedTuple):
    room_id: str
    id: str
    created_at: datetime
    expires_at: datetime | None
    max_uses: int | None
    uses: int
    revoked_at: datetime | None


class ScannedVersion(NamedTuple):
    message_id: str
    rev: int
    sender_id: str


class OldVersion(NamedTuple):
    message_id: str
    rev: int
    text: str
    written_at: datetime


async def list_places(connection: Connection, user_id: str, after: str | None) -> list[RoomPlace]:
    """Return the rooms that the user is or was in, by id."""
    records = await connection.fetch(_ROOMS, user_id, after, ROOMS_AT_ONCE)
    return [
        RoomPlace(str(room_id), kind, name, [str(each) for each in user_ids or ()], *rest)
        for room_id, kind, name, user_ids, *rest in records
    ]


async def list_items(connection: Connection, user_id: str, after: tuple[str, str, str]) -> list[KeptItem]:
    """Return drafts, saved messages and marks in threads, by kind, room and message."""
    records = await connection.fetch(_ITEMS, user_id, *after, ITEMS_AT_ONCE)
    return [KeptItem(kind, str(room), str(item), data.encode()) for kind, room, item, data in records]


async def list_invites(connection: Connection, user_id: str, after: tuple[str, str]) -> list[MadeInvite]:
    """Return the invitations to rooms that the user has made."""
    records = await connection.fetch(_INVITES, user_id, *after, INVITES_AT_ONCE)
    return [MadeInvite(str(room_id), str(invite_id), *rest) for room_id, invite_id, *rest in records]


async def list_messages(connection: Connection, room_id: str, message_ids: Sequence[str]) -> list[MessageRow]:
    """Return these messages of a room, by rev."""
    return [message_row(record) for record in await connection.fetch(_MESSAGES, room_id, message_ids)]


async def scan_versions(connection: Connection, room_id: str, after: tuple[str, int]) -> list[ScannedVersion]:
    """Return the next stride of a room's earlier texts, anybody's, without the texts."""
    records = await connection.fetch(_SCAN_VERSIONS, room_id, *after, STRIDE)
    return [ScannedVersion(str(key), rev, str(sender)) for key, rev, sender in records]


async def list_versions(
    connection: Connection, room_id: str, wanted: Sequence[ScannedVersion]
) -> list[OldVersion]:
    """Return the earlier texts that were found."""
    records: list[Any] = await connection.fetch(
        _VERSIONS, room_id, [each.message_id for each in wanted], [each.rev for each in wanted]
    )
    return [OldVersion(str(key), *rest) for key, *rest in records]
