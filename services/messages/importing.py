"""Takes in the histories an import brings. `chatcraft import` runs `python -m services.messages.importing`.

Beside running services: each batch is one transaction under its room's lock, its events go into the outbox.
"""

import asyncio
import os
import sys
from collections.abc import Sequence

import asyncpg
import msgspec

from services.messages.commands.joining import let_in
from services.messages.domain.access import DM_KINDS
from services.messages.domain.history import place
from services.messages.models import RoomRow
from services.messages.store import importing as store
from services.messages.store.deployment import discard_plans, find_schema_version, prepare
from services.messages.store.importing import CopyingConnection
from services.messages.store.journal import Journal
from services.messages.store.rooms import find_locked
from services.messages.store.transaction import RoomChange
from services.messages.store.users import advance_users
from shared.contracts.importing import BatchStored, HistoryBatch, HistoryMessage, RoomEnd, RoomMember
from shared.ids import new_id
from shared.intake import answer_lines

SCHEMA_OLDEST = 6
_MEMBERS_AT_ONCE = 1_000  # of a transaction, whose outbox row holds two events for each
_PLANS_KEPT_BATCHES = 50


class _RefusedError(Exception):
    """The transaction is undone, and the importer told why."""


class HistoryIntake:
    """Answers the batches of one import."""

    def __init__(self, connection: CopyingConnection) -> None:
        self._connection = connection
        self._instance = new_id()
        self._batches = 0

    async def answer(self, batch: HistoryBatch) -> BatchStored:
        """Store a batch. What is there already stays as it is, so that a batch can come again."""
        self._batches += 1
        if self._batches % _PLANS_KEPT_BATCHES == 0:
            await discard_plans(self._connection)
        members = _members_of(batch)
        stored = await self._store(batch, members[:_MEMBERS_AT_ONCE])
        for start in range(_MEMBERS_AT_ONCE, len(members), _MEMBERS_AT_ONCE):
            if stored.refused is None:
                rest = msgspec.structs.replace(batch, messages=[])
                more = await self._store(rest, members[start : start + _MEMBERS_AT_ONCE])
                stored = msgspec.structs.replace(
                    stored, joined=stored.joined + more.joined,
                    full_user_ids=stored.full_user_ids + more.full_user_ids,
                )  # fmt: skip
        return stored

    async def _store(self, batch: HistoryBatch, members: Sequence[RoomMember]) -> BatchStored:
        try:
            async with self._connection.transaction():
                return await self._store_locked(await self._lock(batch), batch, members)
        except _RefusedError as exc:
            return BatchStored(refused=str(exc))

    async def _store_locked(
        self, room: RoomRow, batch: HistoryBatch, members: Sequence[RoomMember]
    ) -> BatchStored:
        is_finished = await store.is_finished(self._connection, room.id)
        # Ids can be foretold: somebody may have made a room with this one, to be let in on what comes.
        if room.user_ids != batch.room.user_ids or (is_finished is None and room.kind not in DM_KINDS):
            raise _RefusedError("another room has its id")
        newcomers = await store.list_newcomers(self._connection, room.id, [each.user_id for each in members])
        full = await store.lock_full(self._connection, newcomers)
        if full and room.kind in DM_KINDS:
            raise _RefusedError("one of its people is in as many rooms as anybody may be")
        wanted = {*newcomers} - full
        entering = [member for member in members if member.user_id in wanted]
        return await self._fill(room, batch, entering, full=full, is_finished=is_finished is not False)

    async def _lock(self, batch: HistoryBatch) -> RoomRow:
        """Lock the room; add it, closed until its history is whole, if there is none."""
        room = await find_locked(self._connection, batch.room.id)
        if room is None:
            is_open = batch.room.kind in DM_KINDS  # nobody but its people ever sees it
            closed_at = None if is_open else await store.get_now(self._connection)
            await store.add_room(self._connection, batch.room, closed_at)
            room = await find_locked(self._connection, batch.room.id)
            assert room is not None, "added, by this transaction or by the one it waited for"
        return room

    async def _fill(
        self, room: RoomRow, batch: HistoryBatch, newcomers: Sequence[RoomMember], *, full: set[str],
        is_finished: bool,
    ) -> BatchStored:  # fmt: skip
        was_seen = room.member_count > 0
        added, orphans = await self._append(room, batch.messages)
        journal = Journal()
        change = RoomChange(self._connection, room, await store.get_now(self._connection), journal)
        if batch.end is not None and not is_finished:
            await self._open(change, batch.end)
        elif added and was_seen:
            # One event for all: whoever listens sees the gap before it, and fetches what they lack.
            change.change_room("room.updated")
        for member in newcomers:
            let_in(change, member.user_id, member.role)
        if journal.items:
            await change.save()
            await advance_users(self._connection, journal, change.steps)
            await journal.save(self._connection, self._instance, claim_s=0)
        return BatchStored(
            added=added, known=len(batch.messages) - added, joined=len(newcomers), orphans=orphans,
            full_user_ids=sorted(full),
        )  # fmt: skip

    async def _append(self, room: RoomRow, messages: Sequence[HistoryMessage]) -> tuple[int, int]:
        known = set[str]()
        if room.last_seq:
            known = await store.list_known(self._connection, room.id, [message.id for message in messages])
        fresh = list({message.id: message for message in messages if message.id not in known}.values())
        if not fresh:
            return 0, 0
        wanted = {message.thread_id for message in fresh if message.thread_id}
        roots = await store.list_roots(self._connection, room.id, list(wanted))
        placement = place(fresh, room.rev, room.last_seq, roots)
        await store.write(self._connection, room, placement)
        return len(fresh), placement.orphans

    async def _open(self, change: RoomChange, end: RoomEnd) -> None:
        room = change.room
        if room.kind not in DM_KINDS:
            room.archived_at = change.now if end.is_archived else None
            change.change_room("room.archived" if end.is_archived else "room.updated")
        await store.finish(self._connection, room.id)


def _members_of(batch: HistoryBatch) -> list[RoomMember]:
    if batch.room.user_ids is not None:
        return [RoomMember(user_id, "member") for user_id in batch.room.user_ids]
    return batch.end.members if batch.end else []


async def run(database_url: str) -> None:
    """Answer until the input ends."""
    connection = await asyncpg.connect(  # type: ignore[no-untyped-call]  # asyncpg has no types
        database_url,
        server_settings={
            "application_name": "chatcraft-import",
            "synchronous_commit": "on",
            "timezone": "UTC",
            "jit": "off",
        },
    )
    try:
        await prepare(connection)
        await connection.execute("SET lock_timeout = 0")  # nobody waits for the import; it waits for anybody
        version = await find_schema_version(connection)
        if version is None or version < SCHEMA_OLDEST:
            sys.exit("the database is not migrated: run chatcraft migrate")
        await answer_lines(msgspec.json.Decoder(HistoryBatch), HistoryIntake(connection).answer)
    finally:
        await connection.close()


def main() -> None:
    """Entry point; the database is CHATCRAFT_DATABASE_URL."""
    asyncio.run(run(os.environ["CHATCRAFT_DATABASE_URL"]))


if __name__ == "__main__":
    main()
