"""Loads what replies and their deletion need: the last replies of a thread, and its read marks."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from services.messages.store.connection import Connection
from services.messages.writer.job import ERASE_MESSAGE, Job
from services.messages.writer.load.named import load_named
from services.messages.writer.state import BatchState, Key
from shared.contracts import messages
from shared.contracts.entities import ThreadMark
from shared.contracts.messages import MarkRead, OneMessage, SendMessage

_LATEST_REPLIES = """
SELECT k.room_id, k.thread_id, g.id, g.created_at
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS k(room_id, thread_id, count)
CROSS JOIN LATERAL (
    SELECT id, created_at, seq FROM messages.messages g
    WHERE g.room_id = k.room_id AND g.thread_id = k.thread_id AND g.seq > 0 AND g.deleted_at IS NULL
    ORDER BY g.seq DESC LIMIT k.count
) g ORDER BY g.seq DESC
"""
_THREAD_MARKS = """
SELECT i.user_id, i.data::text FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS k(room_id, item_id, user_id)
JOIN messages.user_items i
  ON i.user_id = k.user_id AND i.kind = 'thread' AND i.room_id = k.room_id AND i.item_id = k.item_id
"""
_DELETIONS = {messages.delete.name, ERASE_MESSAGE}
_decode_mark = msgspec.json.Decoder(ThreadMark).decode


async def load_replies(connection: Connection, state: BatchState, jobs: Sequence[Job]) -> None:
    """For deletions of replies: the thread's root, and who would be its last reply then."""
    deletions = [job for job in jobs if job.command in _DELETIONS]
    if not deletions:
        return
    losses: dict[Key, int] = defaultdict(int)
    for job in deletions:
        assert isinstance(job.asked, OneMessage)
        row = state.messages.get((job.room_id, job.asked.message_id))
        if row is not None and row.thread_id is not None:
            losses[row.room_id, row.thread_id] += 1
    # A reply may also be sent and deleted in this very batch.
    for job in jobs:
        if isinstance(job.asked, SendMessage) and job.asked.thread_id is not None:
            losses[job.room_id, job.asked.thread_id] += 1
    if not losses:
        return
    roots = set(losses).difference(state.messages)
    await load_named(connection, state, [(room_id, None, root_id) for room_id, root_id in roots])
    state.latest_replies = {key: [] for key in losses}
    counts = [count + 1 for count in losses.values()]
    records = await connection.fetch(_LATEST_REPLIES, *zip(*losses, strict=True), counts)
    for room_id, thread_id, reply_id, created_at in records:
        state.latest_replies[str(room_id), str(thread_id)].append((str(reply_id), created_at))


async def load_thread_marks(connection: Connection, state: BatchState, jobs: Sequence[Job]) -> None:
    """For replies and marks in threads: the marks of who calls and of the roots' authors."""
    named = {
        (job.room_id, job.asked.thread_id, job.user_id)
        for job in jobs
        if isinstance(job.asked, SendMessage | MarkRead) and job.asked.thread_id is not None
    }
    if not named:
        return
    found = (state.messages.get((room_id, thread_id)) for room_id, thread_id, _ in named)
    roots = [root for root in found if root is not None]
    authors = {(root.room_id, root.sender_id) for root in roots}.difference(state.members)
    await load_named(connection, state, [(room_id, user_id, None) for room_id, user_id in authors])
    keys = named | {(root.room_id, root.id, root.sender_id) for root in roots}
    for user_id, data in await connection.fetch(_THREAD_MARKS, *zip(*keys, strict=True)):
        mark = _decode_mark(data)
        state.thread_marks[mark.room_id, mark.thread_id, str(user_id)] = mark
