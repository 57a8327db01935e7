"""Transactions: a snapshot to read, and a change whose events are published once it is committed.

`Transaction` is the one way, beside the writer's batches, in which a room takes a rev.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from services.messages.domain.access import refuse_outsider
from services.messages.models import MEMBER_COLUMNS, MemberRow, RoomRow, member_row
from services.messages.store.connection import Connection, borrow
from services.messages.store.journal import Journal
from services.messages.store.members import put_members
from services.messages.store.rooms import find_locked, find_unlocked, insert_room, update_room
from services.messages.store.users import UserStep, advance_users
from shared.errors import not_found

# Read after the lock was granted, in a statement of its own: it sees what the wait let through.
_ACTOR = f"""
SELECT clock_timestamp(), {MEMBER_COLUMNS} FROM (VALUES (1)) AS one
LEFT JOIN messages.memberships m ON m.room_id = $1 AND m.user_id = $2 AND m.left_at IS NULL
"""
_LOCK_USER = "SELECT FROM messages.user_timelines WHERE user_id = $1 FOR UPDATE"


class RoomChange:
    """A locked room in the hands of one command: what it changes takes revs and leaves events."""

    def __init__(self, connection: Connection, room: RoomRow, now: datetime, journal: Journal) -> None:
        self.connection = connection
        self.room = room
        self.now = now
        self.steps: list[UserStep] = []
        self._journal = journal
        self._members: dict[str, MemberRow] = {}

    def change_member(self, event: str, member: MemberRow) -> None:
        """Record a member's new state."""
        member.rev = self.room.advance()
        self._members[member.user_id] = member
        self._record(event, member.to_wire())

    def change_room(self, event: str) -> None:
        """Record the room's own new state."""
        self.room.advance()
        self._record(event, self.room.to_wire())

    def tell_user(self, step: UserStep) -> None:
        """Record a change in a user's own timeline."""
        self.steps.append(step)

    async def save(self) -> None:
        """Write members and room; users come after all rooms."""
        if self._members:
            await put_members(self.connection, self.room.id, list(self._members.values()))
        await update_room(self.connection, self.room)

    def _record(self, event: str, data: Struct) -> None:
        self._journal.room_event(self.room, event, msgspec.json.encode(data))


class Transaction:
    """One command's transaction. At most one room is locked in it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.journal = Journal()
        self._change: RoomChange | None = None
        self._steps: list[UserStep] = []

    async def lock_room(self, room_id: str, user_id: str) -> tuple[RoomChange, MemberRow | None]:
        """Lock a room for a user who may know of it; return it with their present membership.

        Raises `not_found`; or, after 2 s of waiting for the lock, a database error that passes.
        """
        room, member, now = await self._lock(room_id, user_id)
        if member is None and room.kind != "public":
            raise refuse_outsider(room.kind)
        return self._begin(room, now), member

    async def lock_room_for_guest(self, room_id: str, user_id: str) -> tuple[RoomChange, MemberRow | None]:
        """Like `lock_room`, for somebody who may be about to come into a private room.

        The caller has to check, under this lock, what lets them in.
        """
        room, member, now = await self._lock(room_id, user_id)
        return self._begin(room, now), member

    async def lock_user(self, user_id: str) -> datetime:
        """Lock a user's own timeline, for changes of what is theirs alone; return the time.

        Read what is checked in later statements. No room may be locked after it.
        """
        await self.connection.execute(_LOCK_USER, user_id)
        return await self.get_now()

    def tell_user(self, step: UserStep) -> None:
        """Record a change in a user's own timeline that no room has a part in."""
        self._steps.append(step)

    async def claim_room(self, room_id: str) -> RoomChange | None:
        """Lock a room for the service's own work; None if it is held or does not exist: come again later."""
        room = await find_unlocked(self.connection, room_id)
        return self._begin(room, await self.get_now()) if room else None

    async def add_room(self, room: RoomRow) -> RoomChange | None:
        """Insert a room, locked from its beginning; None if one has that id already."""
        if not await insert_room(self.connection, room):
            return None
        return self._begin(room, room.created_at)

    async def get_now(self) -> datetime:
        """Return the database's time: the one clock that all replicas share."""
        now: datetime = await self.connection.fetchval("SELECT clock_timestamp()")
        return now

    async def save(self, instance: str) -> None:
        """Write what was changed, and the outbox row. Nothing was recorded: nothing is written."""
        steps = [*(self._change.steps if self._change else ()), *self._steps]
        if not (self.journal.items or steps):
            return
        if self._change is not None:
            await self._change.save()
        await advance_users(self.connection, self.journal, steps)
        await self.journal.save(self.connection, instance)

    async def _lock(self, room_id: str, user_id: str) -> tuple[RoomRow, MemberRow | None, datetime]:
        room = await find_locked(self.connection, room_id)
        if room is None:
            raise not_found("room")
        now, *values = await self.connection.fetchrow(_ACTOR, room_id, user_id)
        return room, member_row(values) if values[0] else None, now

    def _begin(self, room: RoomRow, now: datetime) -> RoomChange:
        assert self._change is None, "one room per transaction"
        self._change = RoomChange(self.connection, room, now, self.journal)
        return self._change


class Database:
    """Where commands get their transactions. `publish` takes over what was committed."""

    def __init__(self, engine: AsyncEngine, instance: str, publish: Callable[[Journal], None]) -> None:
        self.engine = engine
        self._instance = instance
        self._publish = publish

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """One snapshot: all statements see the same state."""
        async with (
            borrow(self.engine) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[Transaction]:
        """Commit on leaving without an error, then publish."""
        async with borrow(self.engine) as connection:
            async with connection.transaction():
                transaction = Transaction(connection)
                yield transaction
                await transaction.save(self._instance)
            if transaction.journal.items:
                self._publish(transaction.journal)
