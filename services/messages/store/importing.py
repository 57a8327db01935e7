"""The statements of an import: whole histories into one room at a time, by COPY, under the room's lock."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from services.messages.domain.history import Placed, Placement, Root
from services.messages.domain.mentions import NO_MENTIONS, find_mentions
from services.messages.models import RoomRow
from services.messages.store.connection import Connection
from shared.contracts.entities import Mentions, Reaction
from shared.contracts.importing import HistoryReaction, RoomHead
from shared.contracts.limits import REACTION_USERS_SHOWN, ROOMS_PER_USER

_ADD_ROOM = """
INSERT INTO messages.rooms (id, kind, name, topic, user_ids, created_by, created_at, active_at, archived_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8) ON CONFLICT (id) DO NOTHING RETURNING true
"""
_ADD_IMPORTED = "INSERT INTO messages.imported_rooms (room_id) VALUES ($1)"
_IS_FINISHED = "SELECT finished_at IS NOT NULL FROM messages.imported_rooms WHERE room_id = $1"
_FINISH = "UPDATE messages.imported_rooms SET finished_at = clock_timestamp() WHERE room_id = $1"
_KNOWN = "SELECT id FROM messages.messages WHERE room_id = $1 AND id = ANY($2::uuid[])"
_ROOTS = """
SELECT id, rev, thread_last_seq, reply_count, last_reply_at FROM messages.messages
WHERE room_id = $1 AND id = ANY($2::uuid[]) AND thread_id IS NULL
"""
_GROW = """
UPDATE messages.messages g SET rev = k.rev, thread_last_seq = k.thread_last_seq, reply_count = k.reply_count,
    last_reply_at = k.last_reply_at
FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[])
    AS k(id, rev, thread_last_seq, reply_count, last_reply_at)
WHERE g.room_id = $1 AND g.id = k.id
"""
_COUNT = """
UPDATE messages.rooms SET rev = $2, last_seq = $3, active_at = greatest(active_at, $4) WHERE id = $1
"""
# Who had read everything has still; for the others their own new messages stay out of what is unread.
_MARK = """
UPDATE messages.memberships m
SET read_seq = CASE WHEN $2 <= m.read_seq + m.own_above THEN $3 ELSE m.read_seq END,
    own_above = CASE WHEN $2 <= m.read_seq + m.own_above THEN 0 ELSE m.own_above + coalesce((
        SELECT k.sent FROM unnest($4::uuid[], $5::bigint[]) AS k(user_id, sent) WHERE k.user_id = m.user_id
    ), 0) END
WHERE m.room_id = $1 AND m.left_at IS NULL
"""
_EVER_THERE = "SELECT user_id FROM messages.memberships WHERE room_id = $1 AND user_id = ANY($2::uuid[])"
_FULL = f"""
SELECT user_id FROM (
    SELECT user_id, room_count FROM messages.user_timelines WHERE user_id = ANY($1::uuid[])
    ORDER BY user_id FOR UPDATE
) held WHERE room_count >= {ROOMS_PER_USER}
"""
_MESSAGE_COLUMNS = (
    "room_id", "id", "seq", "rev", "thread_id", "sender_id", "text", "mention_user_ids", "mention_room",
    "mention_here", "reply_count", "last_reply_at", "thread_last_seq", "pinned_at", "created_at", "edited_at",
    "deleted_at", "reactions",
)  # fmt: skip
_MENTION_COLUMNS = ("room_id", "message_id", "user_id", "sender_id", "thread_id", "seq")
_REACTION_COLUMNS = ("room_id", "message_id", "emoji", "user_id", "rev")


class CopyingConnection(Connection, Protocol):
    """A connection that can also COPY."""

    async def copy_records_to_table(
        self, table_name: str, *, records: Iterable[Sequence[Any]], columns: Sequence[str], schema_name: str
    ) -> str: ...


async def get_now(connection: Connection) -> datetime:
    """Return the database's time."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return now


async def add_room(connection: Connection, head: RoomHead, archived_at: datetime | None) -> None:
    """Insert a room, as made by an import, unless one has that id. Waits for whoever is inserting it."""
    is_added = await connection.fetchval(
        _ADD_ROOM, head.id, head.kind, head.name, head.topic, head.user_ids, head.created_by, head.created_at,
        archived_at,
    )  # fmt: skip
    if is_added:
        await connection.execute(_ADD_IMPORTED, head.id)


async def is_finished(connection: Connection, room_id: str) -> bool | None:
    """Whether an import that made this room has brought all of its history; None if no import made it."""
    answer: bool | None = await connection.fetchval(_IS_FINISHED, room_id)
    return answer


async def finish(connection: Connection, room_id: str) -> None:
    """Remember that all of the history was brought."""
    await connection.execute(_FINISH, room_id)


async def list_known(connection: Connection, room_id: str, message_ids: Sequence[str]) -> set[str]:
    """Return those of the ids that the room has."""
    return {str(record[0]) for record in await connection.fetch(_KNOWN, room_id, message_ids)}


async def list_roots(connection: Connection, room_id: str, message_ids: Sequence[str]) -> dict[str, Root]:
    """Return those of the messages that can have a thread."""
    if not message_ids:
        return {}
    records = await connection.fetch(_ROOTS, room_id, message_ids)
    return {str(message_id): Root(*values) for message_id, *values in records}


async def list_newcomers(connection: Connection, room_id: str, user_ids: Sequence[str]) -> list[str]:
    """Return those who never were members: who left stays away."""
    there = {str(record[0]) for record in await connection.fetch(_EVER_THERE, room_id, user_ids)}
    return [user_id for user_id in user_ids if user_id not in there]


async def lock_full(connection: Connection, user_ids: Sequence[str]) -> set[str]:
    """Return who can be in no further room; nobody's number of rooms changes until the end."""
    return {str(record[0]) for record in await connection.fetch(_FULL, user_ids)}


async def write(connection: CopyingConnection, room: RoomRow, placement: Placement) -> None:
    """Write new messages and what they change in the room, whose counters are still the old ones."""
    mentions = {each.message.id: find_mentions(each.message.text) for each in placement.placed}
    await _copy(connection, "messages", _MESSAGE_COLUMNS, _message_records(room.id, placement, mentions))
    await _copy(connection, "mentions", _MENTION_COLUMNS, _mention_records(room.id, placement, mentions))
    await _copy(connection, "reactions", _REACTION_COLUMNS, _reaction_records(room.id, placement))
    if placement.grown:
        roots = placement.grown.values()
        await connection.execute(
            _GROW,
            room.id,
            list(placement.grown),
            [root.rev for root in roots],
            [root.last_seq for root in roots],
            [root.reply_count for root in roots],
            [root.last_reply_at for root in roots],
        )
    if room.member_count and placement.sent:
        senders, counts = list(placement.sent), list(placement.sent.values())
        await connection.execute(_MARK, room.id, room.last_seq, placement.last_seq, senders, counts)
    active_at = max((each.message.created_at for each in placement.placed if each.root), default=None)
    room.rev, room.last_seq = placement.rev, placement.last_seq
    await connection.execute(_COUNT, room.id, room.rev, room.last_seq, active_at)


async def _copy(
    connection: CopyingConnection, table: str, columns: Sequence[str], records: list[tuple[Any, ...]]
) -> None:
    if records:
        await connection.copy_records_to_table(
            table, records=records, columns=columns, schema_name="messages"
        )


def _message_records(
    room_id: str, placement: Placement, mentions: Mapping[str, Mentions]
) -> list[tuple[Any, ...]]:
    return [_message_record(room_id, each, mentions[each.message.id]) for each in placement.placed]


def _message_record(room_id: str, placed: Placed, mentions: Mentions) -> tuple[Any, ...]:
    message, root = placed.message, placed.root or Root(placed.rev)
    return (
        room_id, message.id, placed.seq, root.rev, placed.thread_id, message.sender_id, message.text,
        mentions.user_ids, mentions.room, mentions.here, root.reply_count, root.last_reply_at, root.last_seq,
        message.pinned_at, message.created_at, message.edited_at, message.deleted_at,
        _shown_reactions(message.reactions),
    )  # fmt: skip


def _shown_reactions(reactions: Sequence[HistoryReaction]) -> str | None:
    if not reactions:
        return None
    shown = [
        Reaction(each.emoji, len(each.user_ids), each.user_ids[:REACTION_USERS_SHOWN]) for each in reactions
    ]
    return msgspec.json.encode(shown).decode()


def _mention_records(
    room_id: str, placement: Placement, mentions: Mapping[str, Mentions]
) -> list[tuple[Any, ...]]:
    named = [each for each in placement.placed if mentions[each.message.id] is not NO_MENTIONS]
    return [
        (room_id, each.message.id, user_id, each.message.sender_id, each.thread_id, each.seq)
        for each in named
        for user_id in (
            *mentions[each.message.id].user_ids,
            *([None] if mentions[each.message.id].room else []),
        )
    ]


def _reaction_records(room_id: str, placement: Placement) -> list[tuple[Any, ...]]:
    return [record for each in placement.placed for record in _records_of_reactions(room_id, each)]


def _records_of_reactions(room_id: str, placed: Placed) -> list[tuple[Any, ...]]:
    given = [(each.emoji, user_id) for each in placed.message.reactions for user_id in each.user_ids]
    revs = range(placed.rev - len(given) + 1, placed.rev + 1)
    return [
        (room_id, placed.message.id, emoji, user_id, rev)
        for (emoji, user_id), rev in zip(given, revs, strict=True)
    ]
