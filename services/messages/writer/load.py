"""Loads what a batch needs: first the rooms' locks, then, in later statements, all that is checked.

A check in the statement that waits for the lock would not see what the wait let through.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from services.messages.models import (
    MEMBER_COLUMNS,
    MESSAGE_COLUMNS,
    ROOM_COLUMNS,
    member_row,
    message_row,
    room_row,
)
from services.messages.store.connection import Connection
from services.messages.writer.job import Job
from services.messages.writer.state import BatchState, Key
from shared.contracts.messages import EditMessage, MarkRead, OneMessage, SendMessage

_LOCK = f"SELECT {ROOM_COLUMNS} FROM messages.rooms r WHERE r.id = ANY($1::uuid[]) ORDER BY r.id FOR UPDATE"
_LOCK_FREE = f"{_LOCK} SKIP LOCKED"
_EXISTING = "SELECT id FROM messages.rooms WHERE id = ANY($1::uuid[])"
_MEMBERS = f"""
SELECT statement_timestamp(), {MEMBER_COLUMNS} FROM unnest($1::uuid[], $2::uuid[]) AS k(room_id, user_id)
LEFT JOIN messages.memberships m ON m.room_id = k.room_id AND m.user_id = k.user_id AND m.left_at IS NULL
"""
_MESSAGES = f"""
SELECT {MESSAGE_COLUMNS} FROM unnest($1::uuid[], $2::uuid[]) AS k(room_id, id)
JOIN messages.messages g ON g.room_id = k.room_id AND g.id = k.id
"""
_LATEST_REPLIES = """
SELECT k.room_id, k.thread_id, g.id, g.created_at
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS k(room_id, thread_id, count)
CROSS JOIN LATERAL (
    SELECT id, created_at, seq FROM messages.messages g
    WHERE g.room_id = k.room_id AND g.thread_id = k.thread_id AND g.seq > 0 AND g.deleted_at IS NULL
    ORDER BY g.seq DESC LIMIT k.count
) g ORDER BY g.seq DESC
"""
_OWN_ABOVE = """
SELECT k.room_id, k.user_id, k.seq, own.count
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS k(room_id, user_id, seq)
CROSS JOIN LATERAL (
    SELECT count(*) FROM messages.messages g
    WHERE g.room_id = k.room_id AND g.sender_id = k.user_id AND g.thread_id IS NULL AND g.seq > k.seq
) own
"""


class Loaded(NamedTuple):
    """The state for the commands that can go on, and the rooms that somebody else holds."""

    state: BatchState
    locked_elsewhere: set[str]


async def load(connection: Connection, jobs: Sequence[Job], *, waits: bool) -> Loaded:
    """Lock the jobs' rooms and read what they name; without `waits`, skip rooms that are locked."""
    room_ids = list({job.room_id for job in jobs})
    rooms = [room_row(record) for record in await connection.fetch(_LOCK if waits else _LOCK_FREE, room_ids)]
    locked_elsewhere: set[str] = set()
    if not waits and len(rooms) < len(room_ids):
        missing = set(room_ids).difference(room.id for room in rooms)
        existing = await connection.fetch(_EXISTING, list(missing))
        locked_elsewhere = {str(record[0]) for record in existing}
    state = BatchState({room.id: room for room in rooms})
    ready = [job for job in jobs if job.room_id in state.rooms]
    if ready:
        await _load_members(connection, state, ready)
        await _load_messages(connection, state, {key for job in ready for key in _named_messages(job)})
        await _load_threads(connection, state, ready)
        await _count_own(connection, state, ready)
    return Loaded(state, locked_elsewhere)


def _named_messages(job: Job) -> list[Key]:
    match job.asked:
        case SendMessage(room_id=room_id, id=message_id, thread_id=thread_id, reply_to=reply_to):
            named = (message_id, thread_id, reply_to)
            return [(room_id, each) for each in named if each is not None]
        case (
            EditMessage(room_id=room_id, message_id=message_id)
            | OneMessage(room_id=room_id, message_id=message_id)
        ):
            return [(room_id, message_id)]
        case MarkRead(room_id=room_id, thread_id=thread_id):
            return [(room_id, thread_id)] if thread_id is not None else []


async def _load_members(connection: Connection, state: BatchState, jobs: Sequence[Job]) -> None:
    """And the time: later than the locks, so that times rise with seq."""
    keys = {(job.room_id, job.user_id) for job in jobs}
    for now, *values in await connection.fetch(_MEMBERS, *_columns(keys)):
        state.now = now
        if values[0] is not None:
            member = member_row(values)
            state.members[member.room_id, member.user_id] = member


async def _load_messages(connection: Connection, state: BatchState, keys: set[Key]) -> None:
    if not keys:
        return
    for record in await connection.fetch(_MESSAGES, *_columns(keys)):
        row = message_row(record)
        state.messages[row.room_id, row.id] = row


async def _load_threads(connection: Connection, state: BatchState, jobs: Sequence[Job]) -> None:
    """For deletions of replies: the thread's root, and who would be its last reply then."""
    deletions: dict[Key, int] = defaultdict(int)
    for job in jobs:
        if isinstance(job.asked, OneMessage):
            row = state.messages.get((job.room_id, job.asked.message_id))
            if row is not None and row.thread_id is not None:
                deletions[row.room_id, row.thread_id] += 1
    # A reply may also be sent and deleted in this very batch.
    roots = {
        (job.room_id, job.asked.thread_id)
        for job in jobs
        if isinstance(job.asked, SendMessage) and job.asked.thread_id is not None
    }
    if any(isinstance(job.asked, OneMessage) for job in jobs):
        for key in roots:
            deletions[key] += 1
    if not deletions:
        return
    await _load_messages(connection, state, set(deletions).difference(state.messages))
    state.latest_replies = {key: [] for key in deletions}
    counts = [count + 1 for count in deletions.values()]
    records = await connection.fetch(_LATEST_REPLIES, *_columns(deletions), counts)
    for room_id, thread_id, reply_id, created_at in records:
        state.latest_replies[str(room_id), str(thread_id)].append((str(reply_id), created_at))


async def _count_own(connection: Connection, state: BatchState, jobs: Sequence[Job]) -> None:
    """For members whose mark is, or will be, below messages of their own."""
    marks = [
        (job, job.asked) for job in jobs if isinstance(job.asked, MarkRead) and job.asked.thread_id is None
    ]
    set_back = {(job.room_id, job.user_id) for job, asked in marks if asked.unread}
    keys = set()
    for job, asked in marks:
        member = state.members.get((job.room_id, job.user_id))
        if member is not None and (member.own_above or (job.room_id, job.user_id) in set_back):
            keys.add((job.room_id, job.user_id, asked.seq))
    if not keys:
        return
    room_ids, user_ids, seqs = zip(*keys, strict=True)
    for room_id, user_id, seq, count in await connection.fetch(_OWN_ABOVE, room_ids, user_ids, seqs):
        state.own_above[str(room_id), str(user_id), seq] = count


def _columns(keys: set[Key] | dict[Key, int]) -> tuple[list[str], list[str]]:
    return [first for first, _ in keys], [second for _, second in keys]
