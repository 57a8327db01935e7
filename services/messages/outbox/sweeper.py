"""Takes over committed events whose writer died, and retries those the feed did not acknowledge.

Runs on every replica; rows are claimed in the database, so that each is somebody's and no one's twice.
"""

import asyncio
from time import monotonic

from prometheus_client import Counter, Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from services.messages.outbox.publisher import Publisher
from services.messages.outbox.rows import measure_backlog, take_rows
from services.messages.store.connection import borrow
from shared.bus import Bus
from shared.telemetry import get_logger

log = get_logger(__name__)

BACKLOG = Gauge("chatcraft_outbox_rows", "Committed batches that the feed has not acknowledged")
BACKLOG_AGE = Gauge("chatcraft_outbox_age_seconds", "Age of the oldest such batch")
SWEPT = Counter("chatcraft_outbox_swept_total", "Batches published by another than their writer")

# With the claim of 2 s: events of a writer that was killed are out within 2.5 s.
_SWEEP_EVERY_S = 0.5
_MEASURE_EVERY_S = 10.0
_ROWS_AT_ONCE = 50
_PROBE_ROWS = 1  # while the feed is down: enough to notice that it is back, no storm


class Sweeper:
    """One per process."""

    def __init__(self, bus: Bus, engine: AsyncEngine, publisher: Publisher) -> None:
        self._bus = bus
        self._engine = engine
        self._publisher = publisher
        self._measured_at = -_MEASURE_EVERY_S

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_EVERY_S)
            if self._bus.is_connected:
                await self.sweep()

    async def sweep(self) -> int:
        """Publish what is overdue; return how many batches that were."""
        async with borrow(self._engine) as connection:
            orphans = await take_rows(connection, self._bus.instance, is_first_try=True, limit=_ROWS_AT_ONCE)
            limit = _ROWS_AT_ONCE if self._publisher.is_feed_up else _PROBE_ROWS
            retried = await take_rows(connection, self._bus.instance, is_first_try=False, limit=limit)
            if monotonic() - self._measured_at > _MEASURE_EVERY_S:
                self._measured_at = monotonic()
                count, age_s = await measure_backlog(connection)
                BACKLOG.set(count)
                BACKLOG_AGE.set(age_s)
        for batch in (*orphans, *retried):
            self._publisher.publish(batch)
        if orphans:
            log.info("outbox_swept", batches=len(orphans))
            SWEPT.inc(len(orphans))
        return len(orphans) + len(retried)
