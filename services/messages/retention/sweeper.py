"""Ends what a room keeps no longer: `first_seq` moves in one change that everybody is told of, then rows go.

Runs on every replica; a room is claimed with SKIP LOCKED and held for milliseconds.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal

import msgspec
from prometheus_client import Counter

from services.messages.retention import rows
from services.messages.retention.vacuum import Vacuum
from services.messages.store.connection import Connection, borrow
from services.messages.store.members import build_memberships
from services.messages.store.transaction import Database, RoomChange
from services.messages.store.users import UserStep
from shared.telemetry import get_logger

log = get_logger(__name__)

DELETED = Counter(
    "chatcraft_retention_deleted_total", "Messages deleted because their room keeps them no longer"
)

_ROOMS_AT_ONCE = 100
# Each is told of the mark in their own timeline: that many users are locked together with the room.
_MARKS_AT_ONCE = 500
# Between two deletions in a room, so that its senders take turns with them.
_PAUSE_S = 0.05
# So often a room is found held by others before it is left for the next sweep.
_TRIES = 20

Step = Literal["moved", "held", "done"]
ListRooms = Callable[[Connection, str | None, int], Awaitable[list[str]]]


class Retention:
    """One per process."""

    def __init__(self, database: Database, vacuum: Vacuum, every_s: float) -> None:
        self._database = database
        self._vacuum = vacuum
        self._every_s = every_s

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.sweep()

    async def sweep(self) -> int:
        """End what has expired in all rooms; return how many messages were deleted, replies too."""
        async for room_id in self._each_room(rows.list_due):
            await self._expire(room_id)
        deleted = 0
        async for room_id in self._each_room(rows.list_unpurged):
            deleted += await self._purge(room_id)
        await self._vacuum.vacuum_due()
        return deleted

    async def _each_room(self, list_rooms: ListRooms) -> AsyncIterator[str]:
        after: str | None = None
        while True:
            async with borrow(self._database.engine) as connection:
                room_ids = await list_rooms(connection, after, _ROOMS_AT_ONCE)
            for room_id in room_ids:
                yield room_id
            if len(room_ids) < _ROOMS_AT_ONCE:
                return
            after = room_ids[-1]

    async def _expire(self, room_id: str) -> None:
        tries = _TRIES
        while tries and (step := await self._hide_some(room_id)) != "done":
            if step == "held":
                tries -= 1
                await asyncio.sleep(_PAUSE_S)

    async def _hide_some(self, room_id: str) -> Step:
        """Let the room begin later, by one stride at most."""
        async with self._database.reading() as connection:
            first_kept = await rows.find_first_kept(connection, room_id)
        if first_kept is None:
            return "done"
        async with self._database.changing() as transaction:
            change = await transaction.claim_room(room_id)
            if change is None:
                return "held"
            if change.room.first_seq >= first_kept:
                return "done"
            if await _lift_marks(change, first_kept - 1):
                change.room.first_seq = first_kept
                await rows.set_first_seq(change.connection, room_id, first_kept)
                change.change_room("room.updated")
        return "moved"

    async def _purge(self, room_id: str) -> int:
        deleted, tries, is_done = 0, _TRIES, False
        while tries and not is_done:
            async with borrow(self._database.engine) as connection, connection.transaction():
                purged = await rows.purge_some(connection, room_id)
            if purged is None:
                tries -= 1
            else:
                tries, is_done = _TRIES, purged.is_done
                self._vacuum.count(purged.rows_by_partition)
                deleted += purged.rows_by_partition.total()
            await asyncio.sleep(_PAUSE_S)
        if deleted:
            DELETED.inc(deleted)
            log.info("messages_expired", room_id=room_id, deleted=deleted)
        return deleted


async def _lift_marks(change: RoomChange, seq: int) -> bool:
    """Mark read what is about to go, and tell each member whom that concerns; False if more are left.

    So `unread` and `mentions` count what is there, and nothing else has to know of retention.
    """
    members = await rows.move_marks(change.connection, change.room.id, seq, _MARKS_AT_ONCE)
    views = [(change.room, member) for member in members]
    for membership in await build_memberships(change.connection, views):
        change.tell_user(
            UserStep(membership.user_id, change.room.id, "read.updated", msgspec.json.encode(membership))
        )
    return len(members) < _MARKS_AT_ONCE
