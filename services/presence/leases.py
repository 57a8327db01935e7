"""Finds nodes whose lease has run out and takes their users offline, unless they are elsewhere too.

Runs on every replica; the scripts make each transition happen once. Knows nothing of announcing.
"""

import asyncio
from collections.abc import Callable

from services.presence.domain import Timing, View
from services.presence.metrics import SWEEPS, SWEPT_USERS, TRANSITIONS
from services.presence.store import Store
from shared.background import Background
from shared.bus import Bus
from shared.clock import Clock
from shared.errors import ChatError
from shared.telemetry import get_logger

log = get_logger(__name__)

# One script stays short; a dead node of 10,000 users takes twenty of them.
_BATCH = 500


class Sweeper:
    """`run` is a supervised task."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        background: Background,
        clock: Clock,
        timing: Timing,
        *,
        on_changed: Callable[[], None],
    ) -> None:
        self._store = store
        self._bus = bus
        self._background = background
        self._clock = clock
        self._timing = timing
        self._on_changed = on_changed
        self._view = View(timing)
        # Renewals come over the bus: while it is down, no node can prove that it lives.
        bus.on_trouble(self._view.on_trouble)
        bus.on_restored(self._view.on_trouble)

    async def run(self) -> None:
        while True:
            try:
                await self._sweep()
            except ChatError as exc:
                self._view.on_trouble()
                SWEEPS.labels("no_redis").inc()
                self._background.note("sweep", exc, self._timing.sweep_s)
            await asyncio.sleep(self._timing.sweep_s)

    async def _sweep(self) -> None:
        has_more = True
        while has_more:
            now_s = self._clock.monotonic_s()
            if not self._bus.is_connected:
                # At every look, not only when told: the bus is connected a moment before it says so.
                self._view.on_trouble()
            may_sweep = self._view.is_settled(now_s)
            swept = await self._store.sweep(self._view.token, _BATCH if may_sweep else 0)
            self._view.on_look(swept.view, now_s)
            has_more = swept.has_more
            SWEEPS.labels("swept" if may_sweep else "waited").inc()
            if swept.released:
                log.info("swept", released=swept.released, went_offline=swept.went_offline)
                SWEPT_USERS.inc(swept.released)
                TRANSITIONS.labels("offline").inc(swept.went_offline)
                self._on_changed()
