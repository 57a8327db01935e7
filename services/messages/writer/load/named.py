"""Loads the members who call and the messages that are named: what every batch needs."""

from collections.abc import Collection, Sequence

from services.messages.models import MEMBER_COLUMNS, MESSAGE_COLUMNS, member_row, message_row
from services.messages.store.connection import Connection
from services.messages.writer.job import Job
from services.messages.writer.state import BatchState, Key
from shared.contracts.messages import EditMessage, MarkRead, OneMessage, SendMessage
from shared.contracts.reactions import OneReaction

_MEMBERS = f"""
SELECT statement_timestamp(), {MEMBER_COLUMNS} FROM unnest($1::uuid[], $2::uuid[]) AS k(room_id, user_id)
LEFT JOIN messages.memberships m ON m.room_id = k.room_id AND m.user_id = k.user_id AND m.left_at IS NULL
"""
_MESSAGES = f"""
SELECT {MESSAGE_COLUMNS} FROM unnest($1::uuid[], $2::uuid[]) AS k(room_id, id)
JOIN messages.messages g ON g.room_id = k.room_id AND g.id = k.id
"""


async def load_members(connection: Connection, state: BatchState, keys: Collection[Key]) -> None:
    """Load those of (room, user) who are members, and the time: later than the locks, so that it rises."""
    for now, *values in await connection.fetch(_MEMBERS, *columns(keys)):
        state.now = now
        if values[0] is not None:
            member = member_row(values)
            state.members[member.room_id, member.user_id] = member


async def load_named(connection: Connection, state: BatchState, jobs: Sequence[Job]) -> None:
    """Load the messages that the jobs name; a new message's id too, for it may be a repetition."""
    await load_messages(connection, state, {key for job in jobs for key in _named_messages(job)})


async def load_messages(connection: Connection, state: BatchState, keys: Collection[Key]) -> None:
    """Load those of (room, message) that exist."""
    if not keys:
        return
    for record in await connection.fetch(_MESSAGES, *columns(keys)):
        row = message_row(record)
        state.messages[row.room_id, row.id] = row


def columns(keys: Collection[Key]) -> tuple[list[str], list[str]]:
    """Return pairs as two parameters of a statement."""
    return [first for first, _ in keys], [second for _, second in keys]


def _named_messages(job: Job) -> list[Key]:
    match job.asked:
        case SendMessage(room_id=room_id, id=message_id, thread_id=thread_id, reply_to=reply_to):
            named = (message_id, thread_id, reply_to)
            return [(room_id, each) for each in named if each is not None]
        case (
            EditMessage(room_id=room_id, message_id=message_id)
            | OneMessage(room_id=room_id, message_id=message_id)
            | OneReaction(room_id=room_id, message_id=message_id)
        ):
            return [(room_id, message_id)]
        case MarkRead(room_id=room_id, thread_id=thread_id):
            return [(room_id, thread_id)] if thread_id is not None else []
