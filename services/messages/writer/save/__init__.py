"""Writes back what a batch changed, and one outbox row that holds all its events."""

from collections.abc import Sequence
from typing import Any

import msgspec

from services.messages.models import MemberRow, MessageRow, RoomRow
from services.messages.store.connection import Connection
from services.messages.store.members import build_memberships
from services.messages.store.users import UserStep, advance_users
from services.messages.writer.save.attached import erase, save_history, save_mentions, save_reactions
from services.messages.writer.save.threads import move_thread_marks, thread_steps
from services.messages.writer.state import BatchState, Key

# One round trip for what every batch of messages does.
_WRITE = """
WITH rooms AS (
    UPDATE messages.rooms r SET rev = k.rev, last_seq = k.last_seq, active_at = k.active_at
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[]) AS k(id, rev, last_seq, active_at)
    WHERE r.id = k.id
), marks AS (
    UPDATE messages.memberships m
    SET read_seq = k.read_seq, own_above = k.own_above, last_sent_at = k.last_sent_at
    FROM unnest($5::uuid[], $6::uuid[], $7::bigint[], $8::bigint[], $25::timestamptz[])
        AS k(room_id, user_id, read_seq, own_above, last_sent_at)
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
    deleted_at = k.deleted_at, reactions = k.reactions::jsonb
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::bool[], $7::bool[],
            $8::bigint[], $9::timestamptz[], $10::bigint[], $11::timestamptz[], $12::timestamptz[],
            $13::timestamptz[], $14::text[])
    AS k(room_id, id, rev, text, mention_user_ids, mention_room, mention_here, reply_count, last_reply_at,
         thread_last_seq, pinned_at, edited_at, deleted_at, reactions)
WHERE g.room_id = k.room_id AND g.id = k.id
"""


async def save(
    connection: Connection, state: BatchState, marked: set[Key], instance: str
) -> dict[Key, bytes]:
    """Write the batch; return the encoded Membership of each of `marked`, as it is in the end."""
    await save_mentions(connection, state)
    await save_reactions(connection, state)
    await save_history(connection, state)
    await erase(connection, state)
    memberships = await _build_memberships(connection, state, marked)
    steps = [UserStep(user_id, room_id, "read.updated", memberships[room_id, user_id])
             for room_id, user_id in state.told_marks]  # fmt: skip
    await advance_users(connection, state.journal, [*steps, *thread_steps(state)])
    await move_thread_marks(connection, state)
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
        [row.last_sent_at for row in state.moved_marks.values()],
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
        [_to_array(row.mentions.user_ids) for row in rows],
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
        [_to_array(row.mentions.user_ids) for row in rows],
        [row.mentions.room for row in rows],
        [row.mentions.here for row in rows],
        [row.reply_count for row in rows],
        [row.last_reply_at for row in rows],
        [row.thread_last_seq for row in rows],
        [row.pinned_at for row in rows],
        [row.edited_at for row in rows],
        [row.deleted_at for row in rows],
        [msgspec.json.encode(row.reactions).decode() if row.reactions else None for row in rows],
    )


def _to_array(ids: Sequence[str]) -> str:
    # An array of arrays must be rectangular in PostgreSQL; as text each is cast on its own.
    return "{" + ",".join(ids) + "}"


async def _build_memberships(connection: Connection, state: BatchState, marked: set[Key]) -> dict[Key, bytes]:
    views: list[tuple[RoomRow, MemberRow]] = [(state.rooms[key[0]], state.members[key]) for key in marked]
    built = await build_memberships(connection, views)
    return {(each.room_id, each.user_id): msgspec.json.encode(each) for each in built}
