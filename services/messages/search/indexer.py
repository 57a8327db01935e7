"""Keeps the search index up with the rooms: after the commit, on any replica, at most a second behind.

A room's rev says what is missing. This process's commits are hints; comparing all rooms finds the rest.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from time import monotonic

from prometheus_client import Counter, Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from services.messages.search.terms import to_tsvector
from services.messages.store.connection import Connection, borrow
from services.messages.store.journal import Journal
from services.messages.store.search import (
    Unindexed,
    advance_progress,
    claim_rooms,
    drop_words,
    list_rooms_behind,
    put_words,
)

INDEXED = Counter("chatcraft_search_indexed_total", "Messages whose words were written to the search index")
LAG = Gauge("chatcraft_search_lag_seconds", "How long the oldest change that search has not seen has waited")
BEHIND = Gauge("chatcraft_search_rooms_behind", "Rooms found to be behind by the last comparison")

_GATHER_S = 0.4  # changes wait so long for others: few transactions, and well within the second
_ROOMS_AT_ONCE = 100
# A round holds so many texts in memory, 64 MB if each is as long as can be; shared among its rooms.
_TEXTS_AT_ONCE = 1_000
_AUDITED_AT_ONCE = 2_000
_CUT_AT_ONCE = 2_000  # characters between two looks at the event loop: about a millisecond
# The comparison reads every room: once a second, and never more than a hundredth of the time.
_AUDIT_EVERY_S = 1.0
_AUDIT_SHARE = 100


class Indexer:
    """One per process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._hinted: dict[str, float] = {}
        """Rooms to index, and when the first hint of it came; oldest first."""
        self._wake = asyncio.Event()

    def hint(self, journal: Journal) -> None:
        """Note the rooms of a committed transaction. Never waits."""
        now_s = monotonic()
        for item in journal.items:
            if item.msg_id:  # of a room: it begins with the room's id
                self._hinted.setdefault(item.msg_id.partition(":")[0], now_s)
        if self._hinted:
            self._wake.set()

    async def run(self) -> None:
        """Index what is hinted at, until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(_GATHER_S)
            self._wake.clear()
            await self.catch_up()

    async def run_audit(self) -> None:
        """Look for rooms whose changes nobody indexed, until cancelled."""
        pause_s = _AUDIT_EVERY_S
        while True:
            await asyncio.sleep(pause_s)
            started_s = monotonic()
            await self.audit()
            pause_s = max(_AUDIT_EVERY_S, _AUDIT_SHARE * (monotonic() - started_s))

    async def catch_up(self) -> None:
        """Index until nothing is noted."""
        while self._hinted:
            await self._index_hinted()
        LAG.set(0)

    async def audit(self) -> int:
        """Note the rooms that are behind; return how many."""
        async with borrow(self._engine) as connection:
            room_ids = await list_rooms_behind(connection, _AUDITED_AT_ONCE)
        BEHIND.set(len(room_ids))
        now_s = monotonic()
        for room_id in room_ids:
            self._hinted.setdefault(room_id, now_s)
        if room_ids:
            self._wake.set()
        return len(room_ids)

    async def index(self, room_ids: Sequence[str]) -> list[str]:
        """Index what these rooms have new; return those of which there may be more.

        One transaction. Rooms that another replica is indexing are left to it.
        """
        per_room = _TEXTS_AT_ONCE // len(room_ids)
        async with borrow(self._engine) as connection, connection.transaction():
            revs, messages = await claim_rooms(connection, room_ids, per_room)
            if revs:
                await _write(connection, messages)
                await advance_progress(connection, revs)
        counts: dict[str, int] = {}
        for each in messages:
            counts[each.room_id] = counts.get(each.room_id, 0) + 1
        return [room_id for room_id, count in counts.items() if count == per_room]

    async def _index_hinted(self) -> None:
        taken = dict(islice(self._hinted.items(), _ROOMS_AT_ONCE))
        LAG.set(monotonic() - next(iter(taken.values())))
        for room_id in taken:
            del self._hinted[room_id]
        # What fails here is found by the comparison.
        for room_id in await self.index(sorted(taken)):
            self._hinted.setdefault(room_id, taken[room_id])


async def _write(connection: Connection, messages: Sequence[Unindexed]) -> None:
    gone = [each for each in messages if not each.is_present]
    if gone:
        await drop_words(connection, gone)
    changed = [each for each in messages if each.is_present and not each.is_indexed]
    if changed:
        await put_words(connection, changed, [tsv async for tsv in _cut(changed)])
        INDEXED.inc(len(changed))


async def _cut(messages: Sequence[Unindexed]) -> AsyncIterator[str]:
    done = 0
    for each in messages:
        yield to_tsvector(each.room_id, each.sender_id, each.created_at, each.text)
        done += len(each.text)
        if done >= _CUT_AT_ONCE:
            done = 0
            await asyncio.sleep(0)  # sends go first
