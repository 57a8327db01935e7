"""Loads what a batch needs: first the rooms' locks, then, in later statements, all that is checked.

A check in the statement that waits for the lock would not see what the wait let through.
"""

from collections.abc import Sequence
from typing import NamedTuple

from services.messages.models import ROOM_COLUMNS, room_row
from services.messages.store.connection import Connection
from services.messages.writer.job import Job
from services.messages.writer.load.marks import count_own
from services.messages.writer.load.named import load_named, names_of
from services.messages.writer.load.reactions import count_pins, load_reactors
from services.messages.writer.load.threads import load_replies, load_thread_marks
from services.messages.writer.state import BatchState

_LOCK = f"SELECT {ROOM_COLUMNS} FROM messages.rooms r WHERE r.id = ANY($1::uuid[]) ORDER BY r.id FOR UPDATE"
# Whatever else is locked, users' rows or a table, is waited for only briefly while a batch holds its rooms:
# others wait 2 s for a room and must outlast this. Evaluated once, before the rows; no statement of its own.
_LOCK_FREE = f"""
SELECT {ROOM_COLUMNS} FROM messages.rooms r
WHERE r.id = ANY($1::uuid[]) AND (SELECT set_config('lock_timeout', '200ms', true)) IS NOT NULL
ORDER BY r.id FOR UPDATE SKIP LOCKED
"""
_EXISTING = "SELECT id FROM messages.rooms WHERE id = ANY($1::uuid[])"


class Loaded(NamedTuple):
    """The state for the commands that can go on, and the rooms that somebody else holds."""

    state: BatchState
    locked_elsewhere: set[str]


async def load(connection: Connection, jobs: Sequence[Job], *, waits: bool) -> Loaded:
    """Lock the jobs' rooms and read what they name; without `waits`, skip rooms that are locked.

    Two statements for a batch of plain messages; each other kind of command adds its own.
    """
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
        await load_named(connection, state, {named for job in ready for named in names_of(job)})
        for load_more in (load_replies, load_thread_marks, load_reactors, count_pins, count_own):
            await load_more(connection, state, ready)
    return Loaded(state, locked_elsewhere)
