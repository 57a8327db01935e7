"""Loads who reacted to a message, and counts a room's pins, where the batch changes them."""

from collections.abc import Sequence

from services.messages.store.connection import Connection
from services.messages.writer.job import Job
from services.messages.writer.state import BatchState
from shared.contracts import reactions
from shared.contracts.reactions import OneReaction

_REACTORS = """
SELECT r.room_id, r.message_id, r.emoji, r.user_id
FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(room_id, message_id, emoji)
JOIN messages.reactions r ON r.room_id = k.room_id AND r.message_id = k.message_id AND r.emoji = k.emoji
ORDER BY r.rev
"""
_PINS = """
SELECT k.room_id, pinned.count FROM unnest($1::uuid[]) AS k(room_id)
CROSS JOIN LATERAL (
    SELECT count(*) FROM messages.messages g WHERE g.room_id = k.room_id AND g.pinned_at IS NOT NULL
) pinned
"""


async def load_reactors(connection: Connection, state: BatchState, jobs: Sequence[Job]) -> None:
    """For each reaction that comes or goes: everybody with the same one. O(those)."""
    keys = {
        (job.room_id, job.asked.message_id, job.asked.emoji)
        for job in jobs
        if isinstance(job.asked, OneReaction)
    }
    if not keys:
        return
    for room_id, message_id, emoji, user_id in await connection.fetch(_REACTORS, *zip(*keys, strict=True)):
        state.reactors.setdefault((str(room_id), str(message_id), emoji), []).append(str(user_id))


async def count_pins(connection: Connection, state: BatchState, jobs: Sequence[Job]) -> None:
    """For rooms in which a message is pinned."""
    room_ids = {job.room_id for job in jobs if job.command == reactions.pin.name}
    if room_ids:
        for room_id, count in await connection.fetch(_PINS, list(room_ids)):
            state.pin_counts[str(room_id)] = count
