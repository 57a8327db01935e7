"""Publishes what was committed, in order, and forgets it once the feed has acknowledged all of it.

Acks come through one shared inbox (13 µs an event; awaited one by one, 44 µs).
"""

import asyncio
from collections import deque
from time import monotonic

import msgspec
from prometheus_client import Counter, Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from services.messages.outbox.rows import Batch, defer_rows, delete_rows
from services.messages.store.connection import borrow
from services.messages.store.journal import Journal, Outgoing
from shared.bus import Bus
from shared.errors import ChatError

PUBLISHED = Counter("chatcraft_events_published_total", "Room events and user hints put on the bus")
FEED_UP = Gauge("chatcraft_feed_up", "Whether JetStream acknowledges room events: 1, or 0")

_ACK_WAIT_S = 1.5  # below the claim: it is put off before a sweeper takes it for abandoned
_LATE_ACK_S = 30.0  # so long after, an ack still spares the second publishing
_DELETE_EVERY_S = 0.05  # gathers; nobody waits for it
_UNACKED_MAX = (
    10_000  # beyond this rows are left to the sweeper: memory stays bounded while JetStream is away
)


class _Unacked(msgspec.Struct):
    row_id: str
    missing: int
    published_at: float
    is_deferred: bool = False


class _Ack(msgspec.Struct):
    stream: str = ""
    error: msgspec.Raw = msgspec.Raw(b"")


class Publisher:
    """The one way by which events leave this process."""

    def __init__(self, bus: Bus, engine: AsyncEngine) -> None:
        self._bus = bus
        self._engine = engine
        self._waiting: deque[Batch] = deque()
        self._wake = asyncio.Event()
        self._has_books = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._inbox = f"_INBOX.{bus.instance}.feed"
        self._unacked: dict[int, _Unacked] = {}
        self._number = 0
        self._acked_rows: list[str] = []
        self._decoder = msgspec.json.Decoder(_Ack)
        self.is_feed_up = True

    def start(self) -> None:
        """Listen for acks."""
        FEED_UP.set(1)
        self._bus.fan_in(f"{self._inbox}.*", self._on_ack)
        # What was under way may be lost on either side: the rows' claims lapse and a sweeper takes them.
        self._bus.on_trouble(self._unacked.clear)

    def hand_over(self, journal: Journal) -> None:
        """Take what was committed. Never waits; batches are published in the order of these calls."""
        self.publish(Batch(journal.id, journal.items))

    def publish(self, batch: Batch) -> None:
        """Queue a batch for publishing."""
        self._waiting.append(batch)
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            while self._waiting:
                await self._send(self._waiting.popleft())
            self._idle.set()
            self._wake.clear()
            await self._wake.wait()

    async def run_bookkeeping(self) -> None:
        """Delete acknowledged rows and put off the others, until cancelled."""
        while True:
            await self._has_books.wait()
            await asyncio.sleep(_DELETE_EVERY_S)
            await self.keep_books()
            if not self._unacked and not self._acked_rows:
                self._has_books.clear()

    async def keep_books(self) -> None:
        """Write down once what was acknowledged, and what is overdue."""
        late = self._find_overdue()
        rows, self._acked_rows = self._acked_rows, []
        if not rows and not late:
            return
        async with borrow(self._engine) as connection:
            if rows:
                await delete_rows(connection, rows)
            if late:
                await defer_rows(connection, late)

    async def drain(self, timeout_s: float) -> None:
        """Publish what is queued and wait for acks; what stays unacknowledged is others' to sweep."""
        deadline = monotonic() + timeout_s
        await asyncio.wait([asyncio.ensure_future(self._idle.wait())], timeout=timeout_s)
        # Only at the end of a process: an event would be kept up to date with every ack.
        while self._unacked and monotonic() < deadline:  # noqa: ASYNC110 - see above
            await asyncio.sleep(_DELETE_EVERY_S)
        await self.keep_books()

    async def _send(self, batch: Batch) -> None:
        self._number += 1
        self._has_books.set()
        reply = f"{self._inbox}.{self._number}"
        missing = sum(1 for item in batch.items if item.msg_id)
        if missing and len(self._unacked) < _UNACKED_MAX:
            self._unacked[self._number] = _Unacked(batch.row_id, missing, monotonic())
        try:
            await self._bus.publish_all(map(_to_message, batch.items), reply=reply)
        except ChatError:
            self._unacked.pop(self._number, None)  # link down: the claim lapses and the row is swept
            return
        PUBLISHED.inc(len(batch.items))
        if not missing:
            self._acked_rows.append(batch.row_id)

    def _on_ack(self, subject: bytes, payload: bytes) -> None:
        number = int(subject.rpartition(b".")[2])
        unacked = self._unacked.get(number)
        if unacked is None or not self._is_stored(payload):
            return
        self.is_feed_up = True
        unacked.missing -= 1
        if unacked.missing == 0:
            del self._unacked[number]
            self._acked_rows.append(unacked.row_id)

    def _is_stored(self, payload: bytes) -> bool:
        if not payload:
            return False  # 503: nobody listens to that subject, not even the feed
        ack = self._decoder.decode(payload)
        return bool(ack.stream) and not bytes(ack.error)

    def _find_overdue(self) -> list[str]:
        """Return rows to put off, and give up waiting for the oldest."""
        now = monotonic()
        late: list[str] = []
        given_up: list[int] = []
        for number, unacked in self._unacked.items():  # in the order of publishing
            age_s = now - unacked.published_at
            if age_s < _ACK_WAIT_S:
                break
            if not unacked.is_deferred:
                unacked.is_deferred = True
                late.append(unacked.row_id)
            if age_s > _LATE_ACK_S:
                given_up.append(number)
        for number in given_up:
            del self._unacked[number]
        if late:
            self.is_feed_up = False
        FEED_UP.set(self.is_feed_up)
        return late


def _to_message(item: Outgoing) -> tuple[str, bytes, bytes]:
    """With the id by which JetStream knows a repetition; user hints are not kept, and have none."""
    headers = b"NATS/1.0\r\nNats-Msg-Id: %b\r\n\r\n" % item.msg_id.encode() if item.msg_id else b""
    return item.subject, item.payload, headers
