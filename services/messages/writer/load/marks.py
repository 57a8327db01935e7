"""Counts a member's own messages above a read mark, where a mark is set below them."""

from collections.abc import Sequence

from services.messages.store.connection import Connection
from services.messages.writer.job import Job
from services.messages.writer.state import BatchState
from shared.contracts.messages import MarkRead

_OWN_ABOVE = """
SELECT k.room_id, k.user_id, k.seq, own.count
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS k(room_id, user_id, seq)
CROSS JOIN LATERAL (
    SELECT count(*) FROM messages.messages g
    WHERE g.room_id = k.room_id AND g.sender_id = k.user_id AND g.thread_id IS NULL AND g.seq > k.seq
) own
"""


async def count_own(connection: Connection, state: BatchState, jobs: Sequence[Job]) -> None:
    """For members whose mark is, or will be, below messages of their own."""
    marks = [
        (job, job.asked) for job in jobs if isinstance(job.asked, MarkRead) and job.asked.thread_id is None
    ]
    set_back = {(job.room_id, job.user_id) for job, asked in marks if asked.unread}
    keys = set()
    for job, asked in marks:
        member = state.members.get((job.room_id, job.user_id))
        if member is not None and (member.own_above or (job.room_id, job.user_id) in set_back):
            keys.add((job.room_id, job.user_id, max(asked.seq, state.rooms[job.room_id].first_seq - 1)))
    if not keys:
        return
    room_ids, user_ids, seqs = zip(*keys, strict=True)
    for room_id, user_id, seq, count in await connection.fetch(_OWN_ABOVE, room_ids, user_ids, seqs):
        state.own_above[str(room_id), str(user_id), seq] = count
