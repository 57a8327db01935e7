"""Loads the members who call and the messages that are named: what every batch needs, in one statement."""

from collections.abc import Collection, Iterable

from services.messages.models import MEMBER_COLUMNS, MEMBER_WIDTH, MESSAGE_COLUMNS, member_row, message_row
from services.messages.store.connection import Connection
from services.messages.writer.job import Job
from services.messages.writer.state import BatchState
from shared.contracts.messages import EditMessage, MarkRead, OneMessage, SendMessage
from shared.contracts.reactions import OneReaction

Named = tuple[str, str | None, str | None]
"""Room, a user or none, a message or none."""

_NAMED = f"""
SELECT statement_timestamp(), {MEMBER_COLUMNS}, {MESSAGE_COLUMNS}
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS k(room_id, user_id, message_id)
LEFT JOIN messages.memberships m ON m.room_id = k.room_id AND m.user_id = k.user_id AND m.left_at IS NULL
LEFT JOIN messages.messages g ON g.room_id = k.room_id AND g.id = k.message_id
"""
_MESSAGE_AT = 1 + MEMBER_WIDTH


async def load_named(connection: Connection, state: BatchState, named: Collection[Named]) -> None:
    """Load those users who are members, those messages that exist, and the time.

    It is later than the locks, so that times of a room rise.
    """
    if not named:
        return
    for record in await connection.fetch(_NAMED, *zip(*named, strict=True)):
        if record[1] is not None:
            member = member_row(record[1:_MESSAGE_AT])
            state.members[member.room_id, member.user_id] = member
        if record[_MESSAGE_AT] is not None:
            row = message_row(record[_MESSAGE_AT:])
            state.messages[row.room_id, row.id] = row
    state.now = record[0]


def names_of(job: Job) -> Iterable[Named]:
    """Yield who calls and what the command names; a new message's id too, for it may be a repetition."""
    message_ids = _messages_of(job)
    yield job.room_id, job.user_id, message_ids[0] if message_ids else None
    for message_id in message_ids[1:]:
        yield job.room_id, None, message_id


def _messages_of(job: Job) -> list[str]:
    match job.asked:
        case SendMessage(id=message_id, thread_id=thread_id, reply_to=reply_to):
            return [each for each in (message_id, thread_id, reply_to) if each is not None]
        case (
            EditMessage(message_id=message_id)
            | OneMessage(message_id=message_id)
            | OneReaction(message_id=message_id)
        ):
            return [message_id]
        case MarkRead(thread_id=thread_id):
            return [thread_id] if thread_id is not None else []
