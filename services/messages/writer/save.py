"""Writes back what a batch changed, and one outbox row that holds all its events."""

from collections.abc import Sequence
from typing import Any

import msgspec

from services.messages.models import MemberRow, MessageRow, RoomRow
from services.messages.store.connection import Connection
from services.messages.store.members import build_memberships
from services.messages.store.users import UserStep, advance_users
from services.messages.writer.state import BatchState, Key

# One round trip for what every batch of messages does.
_WRITE = """
WITH rooms AS (
    UPDATE messages.rooms r SET rev = k.rev, last_seq = k.last_seq, active_at = k.active_at
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[]) AS k(id, rev, last_seq, active_at)
    WHERE r.id = k.id
), marks AS (
    UPDATE messages.memberships m SET read_seq = k.read_seq, own_above = k.own_above
    FROM unnest($5::uuid[], $6::uuid[], $7::bigint[], $8::bigint[])
        AS k(room_id, user_id, read_seq, own_above)
    WHERE m.room_id = k.room_id AND m.user_id = k.user_id
), created AS (
    INSERT INTO messages.messages
        (room_id, id, seq, rev, thread_id, reply_to, sender_id, text, mention_user_ids, mention_room,
         mention_here, created_at)
    SELECT k.room_id, k.id, k.seq, k.rev, k.thread_id, k.reply_to, k.sender_id, k.text,
           k.mention_user_ids::uuid[], k.mention_room, k.mention_here, $20
    FROM unnest($9::uuid[], $10::uuid[], $11::bigint[], $12::bigint[], $13::uuid[], $14::uuid[], $15::uuid[],
                $16::text[], $17::text[], $18::bool[], $19::bool[])
        AS k(room_id, id, seq, rev, thread_id, reply_to, sender_id, text, mention_user_ids, mention_room,
             mention_here)
)
INSERT INTO messages.outbox (id, claimed_by, claimed_until, events)
VALUES ($21, $22, clock_timestamp() + make_interval(secs => $23), $24)
"""
_UPDATE_MESSAGES = """
UPDATE messages.messages g
SET rev = k.rev, text = k.text, mention_user_ids = k.mention_user_ids::uuid[], mention_room = k.mention_room,
    mention_here = k.mention_here, reply_count = k.reply_count, last_reply_at = k.last_reply_at,
    thread_last_seq = k.thread_last_seq, pinned_at = k.pinned_at, edited_at = k.edited_at,
    deleted_at = k.deleted_at
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::bool[], $7::bool[],
            $8::bigint[], $9::timestamptz[], $10::bigint[], $11::timestamptz[], $12::timestamptz[],
            $13::timestamptz[])
    AS k(room_id, id, rev, text, mention_user_ids, mention_room, mention_here, reply_count, last_reply_at,
         thread_last_seq, pinned_at, edited_at, deleted_at)
WHERE g.room_id = k.room_id AND g.id = k.id
"""
_DELETE_MENTIONS = """
DELETE FROM messages.mentions n USING unnest($1::uuid[], $2::uuid[]) AS k(room_id, message_id)
WHERE n.room_id = k.room_id AND n.message_id = k.message_id
"""
_INSERT_MENTIONS = """
INSERT INTO messages.mentions (room_id, message_id, user_id, sender_id, thread_id, seq)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[])
"""
_PUT_THREAD_MARKS = """
INSERT INTO messages.thread_reads AS t (room_id, thread_id, user_id, read_seq)
SELECT room_id, thread_id, user_id, read_seq
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[]) AS k(room_id, thread_id, user_id, read_seq)
ON CONFLICT (room_id, thread_id, user_id) DO UPDATE SET read_seq = {read_seq}
"""
_RAISE_THREAD_MARKS = _PUT_THREAD_MARKS.format(read_seq="greatest(t.read_seq, excluded.read_seq)")
_SET_THREAD_MARKS = _PUT_THREAD_MARKS.format(read_seq="excluded.read_seq")


async def save(
    connection: Connection, state: BatchState, marked: set[Key], instance: str
) -> dict[Key, bytes]:
    """Write the batch; return the encoded Membership of each of `marked`, as it is in the end."""
    await _save_mentions(connection, state)
    await _save_thread_marks(connection, state)
    memberships = await _build_memberships(connection, state, marked)
    steps = [UserStep(user_id, room_id, "read.updated", memberships[room_id, user_id])
             for room_id, user_id in state.told_marks]  # fmt: skip
    await advance_users(connection, state.journal, steps)
    if state.journal.items:  # whatever changes a row has an event
        await _write(connection, state, instance)
    if state.updated:  # after the insert: a message can be new and changed in the same batch
        await _update_messages(connection, list(state.updated.values()))
    return memberships


async def _write(connection: Connection, state: BatchState, instance: str) -> None:
    await connection.execute(
        _WRITE,
        *_room_columns(state),
        *_mark_columns(list(state.moved_marks.values())),
        *_message_columns(state.created),
        state.now,
        *state.journal.to_row(instance),
    )


def _room_columns(state: BatchState) -> tuple[list[Any], ...]:
    changed = {row.room_id for row in (*state.created, *state.updated.values())}
    rows = [state.rooms[room_id] for room_id in changed]
    return (
        [row.id for row in rows],
        [row.rev for row in rows],
        [row.last_seq for row in rows],
        [row.active_at for row in rows],
    )


def _mark_columns(rows: Sequence[MemberRow]) -> tuple[list[Any], ...]:
    return (
        [row.room_id for row in rows],
        [row.user_id for row in rows],
        [row.read_seq for row in rows],
        [row.own_above for row in rows],
    )


def _message_columns(rows: Sequence[MessageRow]) -> tuple[list[Any], ...]:
    return (
        [row.room_id for row in rows],
        [row.id for row in rows],
        [row.seq for row in rows],
        [row.rev for row in rows],
        [row.thread_id for row in rows],
        [row.reply_to for row in rows],
        [row.sender_id for row in rows],
        [row.text for row in rows],
        [_user_ids(row) for row in rows],
        [row.mentions.room for row in rows],
        [row.mentions.here for row in rows],
    )


async def _update_messages(connection: Connection, rows: Sequence[MessageRow]) -> None:
    await connection.execute(
        _UPDATE_MESSAGES,
        [row.room_id for row in rows],
        [row.id for row in rows],
        [row.rev for row in rows],
        [row.text for row in rows],
        [_user_ids(row) for row in rows],
        [row.mentions.room for row in rows],
        [row.mentions.here for row in rows],
        [row.reply_count for row in rows],
        [row.last_reply_at for row in rows],
        [row.thread_last_seq for row in rows],
        [row.pinned_at for row in rows],
        [row.edited_at for row in rows],
        [row.deleted_at for row in rows],
    )


def _user_ids(row: MessageRow) -> str:
    # An array of arrays must be rectangular in PostgreSQL; as text each is cast on its own.
    return "{" + ",".join(row.mentions.user_ids) + "}"


async def _save_mentions(connection: Connection, state: BatchState) -> None:
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


async def _save_thread_marks(connection: Connection, state: BatchState) -> None:
    for statement, is_exact in ((_RAISE_THREAD_MARKS, False), (_SET_THREAD_MARKS, True)):
        marks = {key: seq for key, (seq, exact) in state.thread_marks.items() if exact is is_exact}
        if marks:
            room_ids, thread_ids, user_ids = zip(*marks, strict=True)
            await connection.execute(statement, room_ids, thread_ids, user_ids, list(marks.values()))


async def _build_memberships(connection: Connection, state: BatchState, marked: set[Key]) -> dict[Key, bytes]:
    views: list[tuple[RoomRow, MemberRow]] = [(state.rooms[key[0]], state.members[key]) for key in marked]
    built = await build_memberships(connection, views)
    return {(each.room_id, each.user_id): msgspec.json.encode(each) for each in built}
