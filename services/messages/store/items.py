"""What users keep for themselves: drafts and saved messages, newest first, and their bounds.

A removed item stays as a row that says so, for nodes that missed its event; a sweep deletes it later.
"""

from collections.abc import Sequence
from typing import NamedTuple

from services.messages.models import MESSAGE_COLUMNS, MessageRow, message_row
from services.messages.store.connection import Connection
from services.messages.store.users import ItemKind, UserItem

# A node pulls what it missed within minutes, and a device lists anew each time it connects.
REMOVED_KEPT_DAYS = 30

_FIND = """
SELECT data::text FROM messages.user_items WHERE user_id = $1 AND kind = $2 AND room_id = $3 AND item_id = $4
"""
_DRAFTS = """
SELECT i.user_rev, i.data::text FROM messages.user_items i
JOIN messages.memberships m ON m.room_id = i.room_id AND m.user_id = i.user_id AND m.left_at IS NULL
WHERE i.user_id = $1 AND i.kind = 'draft' AND NOT i.is_removed AND ($3::bigint IS NULL OR i.user_rev < $3)
ORDER BY i.user_rev DESC LIMIT $2
"""
_SAVED = f"""
SELECT i.user_rev, i.data->>'saved_at', {MESSAGE_COLUMNS} FROM messages.user_items i
JOIN messages.memberships m ON m.room_id = i.room_id AND m.user_id = i.user_id AND m.left_at IS NULL
CROSS JOIN LATERAL (
    SELECT * FROM messages.messages g
    WHERE g.room_id = i.room_id AND g.id = i.item_id AND g.deleted_at IS NULL LIMIT 1
) g
WHERE i.user_id = $1 AND i.kind = 'saved' AND NOT i.is_removed AND ($3::bigint IS NULL OR i.user_rev < $3)
ORDER BY i.user_rev DESC LIMIT $2
"""
_COUNT = """
SELECT count(*) FROM messages.user_items WHERE user_id = $1 AND kind = $2 AND NOT is_removed
"""
# Of rooms that were left, and of messages that were deleted: no list shows them.
_DROP_UNSEEN = """
DELETE FROM messages.user_items i
WHERE i.user_id = $1 AND i.kind = $2 AND NOT i.is_removed
  AND (NOT EXISTS (SELECT FROM messages.memberships m
                   WHERE m.room_id = i.room_id AND m.user_id = i.user_id AND m.left_at IS NULL)
       OR i.kind = 'saved' AND NOT EXISTS (SELECT FROM messages.messages g WHERE g.room_id = i.room_id
                                           AND g.id = i.item_id AND g.deleted_at IS NULL))
"""
_SWEEP = f"""
DELETE FROM messages.user_items i USING (
    SELECT user_id, kind, room_id, item_id FROM messages.user_items
    WHERE is_removed AND put_at < now() - interval '{REMOVED_KEPT_DAYS} days'
    ORDER BY put_at LIMIT $1 FOR UPDATE SKIP LOCKED
) old
WHERE (i.user_id, i.kind, i.room_id, i.item_id) = (old.user_id, old.kind, old.room_id, old.item_id)
  AND i.is_removed
"""


class KeptMessage(NamedTuple):
    user_rev: int
    saved_at: str
    message: MessageRow


async def find_item(connection: Connection, user_id: str, room_id: str, item: UserItem) -> bytes | None:
    """Return the `d` of the item's last event, of a removed one too."""
    data: str | None = await connection.fetchval(_FIND, user_id, item.kind, room_id, item.item_id)
    return data.encode() if data is not None else None


async def list_drafts(
    connection: Connection, user_id: str, limit: int, before: int | None
) -> Sequence[tuple[int, bytes]]:
    """Return user_rev and encoded Draft, last written first, before the given user_rev."""
    records = await connection.fetch(_DRAFTS, user_id, limit, before)
    return [(user_rev, data.encode()) for user_rev, data in records]


async def list_saved(
    connection: Connection, user_id: str, limit: int, before: int | None
) -> list[KeptMessage]:
    """Return saved messages that the user may still read, last saved first, before the given user_rev."""
    records = await connection.fetch(_SAVED, user_id, limit, before)
    return [KeptMessage(record[0], record[1], message_row(tuple(record)[2:])) for record in records]


async def has_place(connection: Connection, user_id: str, kind: ItemKind, most: int) -> bool:
    """Whether one item more may be put. The user must be locked.

    At the bound, what no list shows any more makes place first.
    """
    if await connection.fetchval(_COUNT, user_id, kind) < most:
        return True
    await connection.execute(_DROP_UNSEEN, user_id, kind)
    count: int = await connection.fetchval(_COUNT, user_id, kind)
    return count < most


async def sweep_removed(connection: Connection, limit: int) -> int:
    """Delete items that were removed long ago; return how many. Any number of replicas may run it."""
    tag = await connection.execute(_SWEEP, limit)
    return int(tag.rpartition(" ")[2])
