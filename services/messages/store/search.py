"""The search index: what matches, what is not indexed yet, and writing it down.

Words come as text that is already quoted; who may read what is decided here, in the same snapshot.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.messages.models import MESSAGE_COLUMNS, MessageRow, message_row
from services.messages.store.connection import Connection

# Hits are joined with the live rows: what is deleted, or has another text than was indexed, is none.
# `IS TRUE` keeps the rooms a hashed set; as a join it would be a lookup for each match.
_SCAN = """
WITH found AS MATERIALIZED (
    SELECT s.room_id, s.message_id, s.created_at, s.tsv
    FROM messages.message_search s
    JOIN messages.messages g ON g.room_id = s.room_id AND g.id = s.message_id
    WHERE s.tsv @@ $1::text::tsquery
      AND (s.created_at, s.message_id) < ($2, $3::uuid) AND (s.created_at, s.message_id) >= ($4, $5::uuid)
      AND (s.room_id IN (
            SELECT u.room_id FROM messages.user_rooms u WHERE u.user_id = $6 AND u.left_reason IS NULL
          )) IS TRUE
      AND ($7::uuid IS NULL OR s.room_id = $7)
      AND g.deleted_at IS NULL AND g.edited_at IS NOT DISTINCT FROM s.edited_at
      AND ($8::uuid IS NULL OR g.sender_id = $8)
      AND (NOT $9::boolean OR g.reactions IS NOT NULL)
      AND (NOT $10::boolean OR g.pinned_at IS NOT NULL)
      AND (NOT $11::boolean OR g.thread_id IS NOT NULL OR g.reply_count > 0)
    ORDER BY s.created_at DESC, s.message_id DESC LIMIT $12
)
SELECT room_id, message_id, created_at, CASE WHEN $13 = '' THEN 0 ELSE ts_rank_cd(tsv, $13::text::tsquery) END
FROM found
"""
_SCOPE = """
SELECT transaction_timestamp(), ARRAY(
    SELECT u.room_id FROM messages.user_rooms u WHERE u.user_id = $1 AND u.left_reason IS NULL LIMIT $2
)
"""
_SHOWN = f"""
SELECT {MESSAGE_COLUMNS} FROM unnest($1::uuid[], $2::uuid[]) AS k(room_id, id)
JOIN messages.messages g ON g.room_id = k.room_id AND g.id = k.id
"""
# All rooms are compared: read as a whole, which is what this service's connections avoid otherwise.
_READ_WHOLE = "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on"
_BEHIND = """
SELECT r.id FROM messages.rooms r LEFT JOIN messages.search_progress p ON p.room_id = r.id
WHERE r.rev > coalesce(p.rev, 0) LIMIT $1
"""
_BEGIN = """
INSERT INTO messages.search_progress (room_id, rev)
SELECT r.id, 0 FROM messages.rooms r WHERE r.id = ANY($1::uuid[])
ORDER BY r.id ON CONFLICT DO NOTHING
"""
_CLAIM = """
SELECT p.room_id, p.rev FROM messages.search_progress p WHERE p.room_id = ANY($1::uuid[])
FOR UPDATE SKIP LOCKED
"""
_UNINDEXED = """
SELECT k.room_id, r.rev, g.id, g.rev, g.sender_id, g.created_at, g.edited_at, g.deleted_at IS NULL,
       s.message_id IS NOT NULL AND s.edited_at IS NOT DISTINCT FROM g.edited_at,
       CASE WHEN g.deleted_at IS NULL THEN g.text ELSE '' END
FROM unnest($1::uuid[], $2::bigint[]) AS k(room_id, rev)
JOIN messages.rooms r ON r.id = k.room_id
LEFT JOIN LATERAL (
    SELECT * FROM messages.messages g
    WHERE g.room_id = k.room_id AND g.rev > 0 AND g.rev > k.rev ORDER BY g.rev LIMIT $3
) g ON true
LEFT JOIN messages.message_search s ON s.room_id = k.room_id AND s.message_id = g.id
ORDER BY k.room_id, g.rev
"""
_PUT = """
INSERT INTO messages.message_search AS s (room_id, message_id, created_at, edited_at, tsv)
SELECT k.room_id, k.id, k.created_at, k.edited_at, k.tsv::tsvector
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[])
    AS k(room_id, id, created_at, edited_at, tsv)
ON CONFLICT (room_id, message_id) DO UPDATE SET edited_at = excluded.edited_at, tsv = excluded.tsv
"""
_DROP = """
DELETE FROM messages.message_search s USING unnest($1::uuid[], $2::uuid[]) AS k(room_id, id)
WHERE s.room_id = k.room_id AND s.message_id = k.id
"""
_ADVANCE = """
UPDATE messages.search_progress p SET rev = k.rev FROM unnest($1::uuid[], $2::bigint[]) AS k(room_id, rev)
WHERE p.room_id = k.room_id
"""


class Place(NamedTuple):
    """Where a message stands among all, oldest first."""

    created_at: datetime
    message_id: str


class Match(NamedTuple):
    """A message that matches, and how closely its words stand together."""

    room_id: str
    place: Place
    closeness: float


class Filters(NamedTuple):
    """What is asked of the rows themselves; the fields are parameters of the statement, in its order."""

    user_id: str
    room_id: str | None
    sender_id: str | None
    has_reaction: bool
    has_pin: bool
    has_thread: bool


class Unindexed(NamedTuple):
    """A message whose row has changed since its room was indexed."""

    room_id: str
    id: str
    rev: int
    sender_id: str
    created_at: datetime
    edited_at: datetime | None
    is_present: bool
    is_indexed: bool
    """The index has its words already: reactions, pins and replies change a message's row as well."""
    text: str


class Claimed(NamedTuple):
    """Rooms that this transaction indexes: the rev each will have reached, and what changed up to it."""

    revs: dict[str, int]
    messages: list[Unindexed]


async def get_scope(connection: Connection, user_id: str, limit: int) -> tuple[datetime, list[str]]:
    """Return the snapshot's time and up to `limit` of the user's rooms."""
    now, room_ids = await connection.fetchrow(_SCOPE, user_id, limit)
    return now, [str(room_id) for room_id in room_ids]


async def list_matches(  # noqa: PLR0917 - one statement and its parameters
    connection: Connection, tsquery: str, high: Place, low: Place, filters: Filters, words: str, limit: int
) -> list[Match]:
    """Return the newest matches in the user's rooms from `low` to before `high`, newest first."""
    records = await connection.fetch(_SCAN, tsquery, *high, *low, *filters, limit, words)
    return [
        Match(str(room_id), Place(created_at, str(message_id)), closeness)
        for room_id, message_id, created_at, closeness in records
    ]


async def list_shown(connection: Connection, matches: Sequence[Match]) -> list[MessageRow]:
    """Return the messages of these matches, in their order; read in the same snapshot."""
    records = await connection.fetch(
        _SHOWN, [each.room_id for each in matches], [each.place.message_id for each in matches]
    )
    rows = {(row.room_id, row.id): row for row in map(message_row, records)}
    return [rows[each.room_id, each.place.message_id] for each in matches]


async def list_rooms_behind(connection: Connection, limit: int) -> list[str]:
    """Return rooms that have changed since they were indexed. Reads every room."""
    async with connection.transaction(readonly=True):
        await connection.execute(_READ_WHOLE)
        return [str(record[0]) for record in await connection.fetch(_BEHIND, limit)]


async def claim_rooms(connection: Connection, room_ids: Sequence[str], per_room: int) -> Claimed:
    """Claim those rooms that nobody else indexes, until the transaction ends."""
    await connection.execute(_BEGIN, room_ids)
    claimed = await connection.fetch(_CLAIM, room_ids)
    if not claimed:
        return Claimed({}, [])
    records = await connection.fetch(
        _UNINDEXED, [record[0] for record in claimed], [record[1] for record in claimed], per_room
    )
    revs: dict[str, int] = {}
    found: dict[str, list[Unindexed]] = {}
    for room, room_rev, message_id, rev, sender_id, *rest in records:
        room_id = str(room)
        revs[room_id] = room_rev
        if message_id is not None:
            found.setdefault(room_id, []).append(
                Unindexed(room_id, str(message_id), rev, str(sender_id), *rest)
            )
    for room_id, messages in found.items():
        if len(messages) == per_room:  # there may be more: the rest is another round's
            revs[room_id] = messages[-1].rev
    return Claimed(revs, [each for messages in found.values() for each in messages])


async def put_words(connection: Connection, messages: Sequence[Unindexed], tsvs: Sequence[str]) -> None:
    """Write the words of these messages, in place of those that they had."""
    created = [each.created_at for each in messages]
    await connection.execute(_PUT, *_keys(messages), created, [each.edited_at for each in messages], tsvs)


async def drop_words(connection: Connection, messages: Sequence[Unindexed]) -> None:
    """Forget the words of deleted messages."""
    await connection.execute(_DROP, *_keys(messages))


async def advance_progress(connection: Connection, revs: dict[str, int]) -> None:
    """Note up to which rev rooms are indexed. Need not be durable at once: it is committed with the words."""
    await connection.execute("SET LOCAL synchronous_commit = off")
    await connection.execute(_ADVANCE, list(revs), list(revs.values()))


def _keys(messages: Sequence[Unindexed]) -> tuple[list[str], list[str]]:
    return [each.room_id for each in messages], [each.id for each in messages]
