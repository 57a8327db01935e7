"""Pages of a store of ten million messages: history, changes, sync; alone, and while others send.

Asked of a real messages service over NATS, as a gateway does.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import msgspec

from bench.load.load_process import LoadFailed
from bench.load.measure import summarise_ms
from bench.load.speech import TEXT
from bench.store.counters import measure_disk
from bench.store.effort import Effort
from bench.store.fill import fill
from bench.store.system import Shape, System, run_system
from shared.bus import Bus, Caller
from shared.contracts import internal, messages
from shared.contracts.limits import SYNC_PAGE_ROOMS
from shared.contracts.registry import Command
from shared.errors import ChatError
from shared.ids import new_id

CALLERS = 8
"""Requests under way at once."""
SENDS_PER_S = 500.0
_TIMEOUT_S = 10.0
_SYNC_SHARE = 40  # a sync reads as much as dozens of pages
_MEASURED = ("messages-0", "postgres")
_LAGS = (0, 1, 100, 500)
_SYNC_LAG = 10

# Opened as people do: a room as often as it has members. Others send to the public rooms only, so that who is
# so far behind in a private one stays so.
_PLACES = """
SELECT r.id::text, m.user_id::text, r.last_seq, r.rev
FROM messages.memberships m JOIN messages.rooms r ON r.id = m.room_id
WHERE r.kind = $1 AND r.rev - r.member_count >= $2 ORDER BY random() LIMIT $3
"""
_READERS = "SELECT user_id::text FROM messages.user_timelines WHERE room_count = $1 ORDER BY user_id"
_REVS = """
SELECT r.id::text, r.rev FROM messages.user_rooms u JOIN messages.rooms r ON r.id = u.room_id
WHERE u.user_id = $1
"""


class Place(NamedTuple):
    """A room and one who is in it."""

    room_id: str
    user_id: str
    last_seq: int
    rev: int


@dataclass
class Sends:
    """What became of the messages sent meanwhile."""

    acks_s: list[float]
    failed: int = 0


Ask = Callable[[], Awaitable[int]]
"""Asks one thing and returns how many bytes the answers had."""


class Asker:
    """Speaks to the messages service as a gateway does."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def call(self, subject: str, asked: msgspec.Struct | dict[str, Any], user_id: str = "") -> bytes:
        """Return the raw answer. Raises LoadFailed for an error."""
        caller = Caller(user_id, user_id, "member", "::1") if user_id else None
        reply = await self._bus.request(
            subject, msgspec.json.encode(asked), caller=caller, timeout_s=_TIMEOUT_S
        )
        if not reply.startswith(b'{"ok"'):
            raise LoadFailed(f"{subject}: {reply[:200].decode()}")
        return reply

    def command(self, command: Command[Any, Any], asked: dict[str, Any], user_id: str) -> Ask:
        async def ask() -> int:
            return len(await self.call(command.subject, asked, user_id))

        return ask

    def sync(self, user_id: str, held: dict[str, dict[str, int]]) -> Ask:
        """One whole sync, page after page."""

        async def ask() -> int:
            asked = internal.GetMemberships([user_id])
            reply = await self.call(internal.MEMBERSHIPS, asked)
            size_bytes = len(reply)
            own = msgspec.json.decode(reply)["ok"]["users"][0]["rooms"]
            room_ids = [each["room_id"] for each in own]
            while room_ids:
                page = {"user_id": user_id, "room_ids": room_ids[:SYNC_PAGE_ROOMS], "held": held}
                reply = await self.call(internal.SNAPSHOT, page)
                size_bytes += len(reply)
                room_ids = room_ids[msgspec.json.decode(reply)["ok"]["answered"] :]
            return size_bytes

        return ask


async def measure_reads(effort: Effort, filled: Path | None) -> dict[str, Any]:
    """Fill a store, or take one that was filled before, and read from it."""
    with tempfile.TemporaryDirectory() as folder:
        path = filled or Path(folder) / "data"
        started_s = time.perf_counter()
        await fill(path, effort.filled_messages, effort.filled_rooms)
        filled_s = round(time.perf_counter() - started_s, 1)
        async with run_system(Shape(), path) as system:
            found = await _measure(system, effort)
            return {"filled_s": filled_s, **found}


async def _measure(system: System, effort: Effort) -> dict[str, Any]:
    chance = random.Random(1)
    connection = await asyncpg.connect(system.database_url)
    bus = await Bus.connect([system.stack.endpoints.nats_url_by_user["gateway"]], "gateway")
    try:
        asker = Asker(bus)
        total = await connection.fetchval("SELECT sum(last_seq)::bigint * 10 / 8 FROM messages.rooms")
        kinds = await _prepare(connection, asker, effort, chance)
        found: dict[str, Any] = {
            "messages": total,
            "disk": await measure_disk(system.database_url, total),
            "callers": CALLERS,
            "alone": {name: await _ask_all(system, asks) for name, asks in kinds.items()},
        }
        async with _sending(asker, await _list_places(connection, "public", 0, effort.reads)) as sends:
            found["while_sending"] = {name: await _ask_all(system, asks) for name, asks in kinds.items()}
        if not sends.acks_s:
            raise LoadFailed("no send was answered meanwhile")
        ack = summarise_ms(sends.acks_s)
        found["sends_meanwhile"] = {"per_s": SENDS_PER_S, "ack": ack, "failed": sends.failed}
        return found
    finally:
        await bus.close()
        await connection.close()


async def _prepare(
    connection: Any, asker: Asker, effort: Effort, chance: random.Random
) -> dict[str, list[Ask]]:
    """Return every kind of request, as often as it is to be asked."""
    kinds: dict[str, list[Ask]] = {}
    places = await _list_places(connection, "private", 0, effort.reads)
    for name, make_anchor in (
        ("history, newest 50", lambda _place: {}),
        ("history, 50 before any", lambda place: {"before_seq": chance.randint(2, place.last_seq)}),
        ("history, 50 around any", lambda place: {"around_seq": chance.randint(1, place.last_seq)}),
    ):
        kinds[name] = [
            asker.command(
                messages.list_messages, {"room_id": place.room_id, **make_anchor(place)}, place.user_id
            )
            for place in places
        ]
    for lag in _LAGS:
        kinds[f"changes, {lag} behind"] = [
            asker.command(
                messages.changes,
                {"room_id": place.room_id, "epoch": 1, "after_rev": place.rev - lag},
                place.user_id,
            )
            for place in await _list_places(connection, "private", lag, effort.reads)
        ]
    for rooms in (20, 300):
        for state in ("new", "caught up"):
            kinds[f"sync, {rooms} rooms, {state}"] = await _prepare_syncs(
                connection, asker, rooms, effort.reads // _SYNC_SHARE, is_new=state == "new"
            )
    return kinds


async def _prepare_syncs(connection: Any, asker: Asker, rooms: int, count: int, *, is_new: bool) -> list[Ask]:
    asks = []
    readers = [user_id for (user_id,) in await connection.fetch(_READERS, rooms)]
    for user_id in readers:
        revs = await connection.fetch(_REVS, user_id)
        held = {room_id: {"epoch": 1, "rev": rev - _SYNC_LAG} for room_id, rev in revs}
        asks.append(asker.sync(user_id, {} if is_new else held))
    return [asks[place % len(asks)] for place in range(max(count, CALLERS))]


async def _list_places(connection: Any, kind: str, changes: int, count: int) -> list[Place]:
    """Return places in rooms that have seen so many changes beside their members' coming."""
    found = [Place(*row) for row in await connection.fetch(_PLACES, kind, changes, count)]
    return [found[place % len(found)] for place in range(count)]


async def _ask_all(system: System, asks: Sequence[Ask]) -> dict[str, Any]:
    """Ask all, so many at once; the first tenth only warms up."""
    waiting = list(reversed(asks))
    latencies: list[float] = []
    sizes: list[int] = []

    async def work() -> None:
        while waiting:
            ask = waiting.pop()
            started_s = time.perf_counter()
            sizes.append(await ask())
            latencies.append(time.perf_counter() - started_s)

    started_s = time.perf_counter()
    meter = system.meter()
    await asyncio.gather(*(work() for _ in range(CALLERS)))
    used = meter.read()
    taken_s = time.perf_counter() - started_s
    kept = latencies[len(latencies) // 10 :]
    return {
        **summarise_ms(kept),
        "per_s": round(len(asks) / taken_s),
        # Of all that runs: while others send, their commits are in it.
        "cpu_ms": {name: round(used[name] * taken_s / len(asks) * 1000, 2) for name in _MEASURED},
        "bytes": round(sum(sizes) / len(sizes)),
        "asked": len(asks),
    }


@asynccontextmanager
async def _sending(asker: Asker, places: Sequence[Place]) -> AsyncIterator[Sends]:
    """Send at a steady rate to rooms all over the store meanwhile."""
    sends = Sends([])
    under_way: set[asyncio.Task[None]] = set()

    async def send(place: Place) -> None:
        asked = {"room_id": place.room_id, "id": new_id(), "text": TEXT}
        started_s = time.perf_counter()
        try:
            await asker.call(messages.send.subject, asked, place.user_id)
        except (ChatError, LoadFailed):
            sends.failed += 1
        else:
            sends.acks_s.append(time.perf_counter() - started_s)

    async def run() -> None:
        started_s, number = time.perf_counter(), 0
        while True:
            while number < (time.perf_counter() - started_s) * SENDS_PER_S:
                task = asyncio.create_task(send(places[number % len(places)]))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                number += 1
            await asyncio.sleep(0.002)

    sender = asyncio.create_task(run())
    try:
        yield sends
    finally:
        sender.cancel()
        with suppress(asyncio.CancelledError):
            await sender
        await asyncio.gather(*under_way)
