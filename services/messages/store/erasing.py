"""The statements of an erasure: who is erased, which rooms they were in, what is theirs, page by page.

No index leads from a user to their messages, which would cost every send: rooms are read through instead, in
bounded strides by the indexes that are there.
"""

from collections.abc import Sequence
from typing import NamedTuple

from services.messages.models import MEMBER_COLUMNS, MemberRow, member_row
from services.messages.store.connection import Connection

STRIDE = 2_000
"""How many rows of a room one statement looks at."""
_OWN_AT_ONCE = 5_000

# The user's timeline is locked first: whoever lets them in locks it too, and looks for this row later.
_LOCK_TIMELINE = """
INSERT INTO messages.user_timelines AS t (user_id, rev) VALUES ($1, 0)
ON CONFLICT (user_id) DO UPDATE SET rev = t.rev
"""
_MARK = "INSERT INTO messages.erased_users (user_id) VALUES ($1) ON CONFLICT DO NOTHING"
_NEXT_PRESENT = """
SELECT room_id FROM messages.user_rooms
WHERE user_id = $1 AND left_reason IS NULL AND ($2::uuid IS NULL OR room_id > $2) ORDER BY room_id LIMIT 1
"""
# Whoever writes in a room is in it, then or later; only an import brings messages of people who never were.
_NEXT_ROOM = """
SELECT k.room_id, r.kind, r.member_count, r.name FROM (
    SELECT room_id FROM messages.user_rooms WHERE user_id = $1
    UNION SELECT room_id FROM messages.imported_rooms
) k JOIN messages.rooms r ON r.id = k.room_id
WHERE $2::uuid IS NULL OR k.room_id >= $2 ORDER BY k.room_id LIMIT 2
"""
_NOTE_GONE = "UPDATE messages.user_rooms SET left_reason = 'left' WHERE room_id = $1 AND user_id = $2"
_HEIR = f"""
SELECT {MEMBER_COLUMNS} FROM messages.memberships m
WHERE m.room_id = $1 AND m.user_id <> $2 AND m.left_at IS NULL
ORDER BY m.role = 'moderator' DESC, m.joined_at, m.user_id LIMIT 1
"""
_SCAN_MESSAGES = """
SELECT g.id, g.rev, g.sender_id, g.deleted_at IS NULL, octet_length(g.text) FROM messages.messages g
WHERE g.room_id = $1 AND g.rev > 0 AND g.rev > $2 ORDER BY g.rev LIMIT $3
"""
_SCAN_REACTIONS = """
SELECT r.message_id, r.emoji, r.user_id, r.rev FROM messages.reactions r
WHERE r.room_id = $1 AND (r.message_id, r.emoji, r.user_id) > ($2, $3, $4)
ORDER BY r.message_id, r.emoji, r.user_id LIMIT $5
"""
_DROP_HISTORY = "DELETE FROM messages.message_history WHERE room_id = $1 AND message_id = ANY($2::uuid[])"
_CLEAR_MEMBERSHIP = """
UPDATE messages.memberships SET read_seq = 0, own_above = 0, notify = 'all', last_sent_at = NULL
WHERE room_id = $1 AND user_id = $2 AND left_at IS NOT NULL
"""
_DROP_ITEMS = f"""
DELETE FROM messages.user_items i USING (
    SELECT user_id, kind, room_id, item_id FROM messages.user_items WHERE user_id = $1 LIMIT {_OWN_AT_ONCE}
) k
WHERE (i.user_id, i.kind, i.room_id, i.item_id) = (k.user_id, k.kind, k.room_id, k.item_id)
"""
# Small tables, or such as nothing writes any more; read through once for each erasure.
_DROP_OWN = (
    "DELETE FROM messages.bans WHERE user_id = $1",
    "DELETE FROM messages.invites WHERE created_by = $1",
    "DELETE FROM messages.thread_reads WHERE user_id = $1",
    "DELETE FROM messages.user_rooms WHERE user_id = $1",
    "DELETE FROM messages.user_timelines WHERE user_id = $1",
)


class WalkedRoom(NamedTuple):
    """A room in which there may be something of the user."""

    id: str
    kind: str
    member_count: int
    name: str | None


class ScannedMessage(NamedTuple):
    id: str
    rev: int
    sender_id: str
    is_present: bool
    text_bytes: int


class ScannedReaction(NamedTuple):
    message_id: str
    emoji: str
    user_id: str
    rev: int

    @property
    def place(self) -> tuple[str, str, str]:
        return self.message_id, self.emoji, self.user_id


async def mark_erased(connection: Connection, user_id: str) -> None:
    """Let nobody take this user into a room from now on. In a transaction."""
    await connection.execute(_LOCK_TIMELINE, user_id)
    await connection.execute(_MARK, user_id)


async def find_next_present(connection: Connection, user_id: str, after: str | None) -> str | None:
    """Return the next room that the user is in, by id."""
    room_id = await connection.fetchval(_NEXT_PRESENT, user_id, after)
    return str(room_id) if room_id else None


async def note_gone(connection: Connection, room_id: str, user_id: str) -> None:
    """Correct a list that has a room whose members do not know the user: else it would be left for ever."""
    await connection.execute(_NOTE_GONE, room_id, user_id)


async def list_next_rooms(connection: Connection, user_id: str, start: str | None) -> list[WalkedRoom]:
    """Return the room to walk through, `start` or the next one, and the one after it."""
    records = await connection.fetch(_NEXT_ROOM, user_id, start)
    return [WalkedRoom(str(room_id), *rest) for room_id, *rest in records]


async def find_heir(connection: Connection, room_id: str, leaver_id: str) -> MemberRow | None:
    """Return who has been a moderator for longest, or else a member. The room must be locked."""
    record = await connection.fetchrow(_HEIR, room_id, leaver_id)
    return member_row(record) if record else None


async def scan_messages(connection: Connection, room_id: str, after_rev: int) -> list[ScannedMessage]:
    """Return the next stride of a room's messages, anybody's, by rev."""
    records = await connection.fetch(_SCAN_MESSAGES, room_id, after_rev, STRIDE)
    return [ScannedMessage(str(key), rev, str(sender), *rest) for key, rev, sender, *rest in records]


async def scan_reactions(
    connection: Connection, room_id: str, after: tuple[str, str, str]
) -> list[ScannedReaction]:
    """Return the next stride of a room's reactions, anybody's, by message."""
    records = await connection.fetch(_SCAN_REACTIONS, room_id, *after, STRIDE)
    return [ScannedReaction(str(key), emoji, str(user), rev) for key, emoji, user, rev in records]


async def drop_history(connection: Connection, room_id: str, message_ids: Sequence[str]) -> None:
    """Forget the earlier texts of these messages."""
    await connection.execute(_DROP_HISTORY, room_id, message_ids)


async def clear_membership(connection: Connection, room_id: str, user_id: str) -> None:
    """Leave of a membership that has ended what others' clients need: who, when, and the rev."""
    await connection.execute(_CLEAR_MEMBERSHIP, room_id, user_id)


async def drop_items(connection: Connection, user_id: str) -> bool:
    """Delete some drafts, saved messages and marks; False once none are left."""
    tag = await connection.execute(_DROP_ITEMS, user_id)
    return int(tag.rpartition(" ")[2]) == _OWN_AT_ONCE


async def drop_own(connection: Connection, user_id: str) -> None:
    """Delete what is left of the user's own, their list of rooms last. In a transaction."""
    for statement in _DROP_OWN:
        await connection.execute(statement, user_id)
