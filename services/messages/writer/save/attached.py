"""Writes what hangs on messages: mentions, reactions, earlier texts; deleted ones lose all of it."""

from services.messages.store.connection import Connection
from services.messages.writer.state import BatchState

_DELETE_MENTIONS = """
DELETE FROM messages.mentions n USING unnest($1::uuid[], $2::uuid[]) AS k(room_id, message_id)
WHERE n.room_id = k.room_id AND n.message_id = k.message_id
"""
_INSERT_MENTIONS = """
INSERT INTO messages.mentions (room_id, message_id, user_id, sender_id, thread_id, seq)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[])
"""
_DELETE_REACTIONS = """
DELETE FROM messages.reactions r
USING unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) AS k(room_id, message_id, emoji, user_id)
WHERE r.room_id = k.room_id AND r.message_id = k.message_id AND r.emoji = k.emoji AND r.user_id = k.user_id
"""
_INSERT_REACTIONS = """
INSERT INTO messages.reactions (room_id, message_id, emoji, user_id, rev)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[])
"""
_INSERT_HISTORY = """
INSERT INTO messages.message_history (room_id, message_id, rev, text, written_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[])
"""
_ERASE_REACTIONS = """
DELETE FROM messages.reactions r USING unnest($1::uuid[], $2::uuid[]) AS k(room_id, message_id)
WHERE r.room_id = k.room_id AND r.message_id = k.message_id
"""
_ERASE_HISTORY = """
DELETE FROM messages.message_history h USING unnest($1::uuid[], $2::uuid[]) AS k(room_id, message_id)
WHERE h.room_id = k.room_id AND h.message_id = k.message_id
"""


async def save_mentions(connection: Connection, state: BatchState) -> None:
    """Write whom new and edited messages name."""
    if state.rementioned:
        keys = list(state.rementioned)
        await connection.execute(_DELETE_MENTIONS, [room_id for room_id, _ in keys], [key for _, key in keys])
    named = [
        (row, user_id)
        for row in (state.mentioned | state.rementioned).values()
        for user_id in (*row.mentions.user_ids, *([None] if row.mentions.room else []))
    ]
    if named:
        await connection.execute(
            _INSERT_MENTIONS,
            [row.room_id for row, _ in named],
            [row.id for row, _ in named],
            [user_id for _, user_id in named],
            [row.sender_id for row, _ in named],
            [row.thread_id for row, _ in named],
            [row.seq for row, _ in named],
        )


async def save_reactions(connection: Connection, state: BatchState) -> None:
    """Write who reacts now and who no longer does."""
    if not state.changed_reactions:
        return
    # One that was taken back and given again moves to the end: the old row goes first in any case.
    await connection.execute(_DELETE_REACTIONS, *zip(*state.changed_reactions, strict=True))
    added = [(*key, rev) for key, rev in state.changed_reactions.items() if rev is not None]
    if added:
        await connection.execute(_INSERT_REACTIONS, *zip(*added, strict=True))


async def save_history(connection: Connection, state: BatchState) -> None:
    """Keep the texts that edits replaced."""
    if state.old_texts:
        await connection.execute(_INSERT_HISTORY, *zip(*state.old_texts, strict=True))


async def erase(connection: Connection, state: BatchState) -> None:
    """Forget reactions and earlier texts of deleted messages. Comes after whatever the batch added."""
    if state.erased:
        room_ids, message_ids = zip(*state.erased, strict=True)
        await connection.execute(_ERASE_REACTIONS, room_ids, message_ids)
        await connection.execute(_ERASE_HISTORY, room_ids, message_ids)
