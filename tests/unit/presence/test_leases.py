"""The sweeper's own judgement of when it may take a lapsed lease for a dead node."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

from services.presence.domain import Timing
from services.presence.leases import Sweeper
from services.presence.store import Store, Swept
from shared.background import Background
from shared.bus import Bus
from shared.clock import ManualClock
from tests.wire import eventually

TIMING = Timing(lease_s=10, sweep_s=0)


class Link:
    """A bus that is connected again before it has told anybody."""

    is_connected = True

    def on_trouble(self, callback: Callable[[], None]) -> None:
        """Never calls it."""

    def on_restored(self, callback: Callable[[], None]) -> None:
        """Never calls it."""


class Looks:
    """A store in which nothing happens, and how many users each look might have released."""

    def __init__(self) -> None:
        self.limits: list[int] = []

    async def sweep(self, _token: str, limit: int) -> Swept:
        self.limits.append(limit)
        return Swept("a", 0, 0, False)


class Sweeping:
    def __init__(self, link: Link, clock: ManualClock, looks: Looks) -> None:
        self.link = link
        self._clock = clock
        self._looks = looks

    async def may_sweep_after(self, seconds: float) -> bool:
        """Let time pass, a look each second; say whether the last one was allowed to release anybody."""
        for _ in range(round(seconds)):
            self._clock.set(self._clock.now() + timedelta(seconds=1))
            self._looks.limits.clear()
            await eventually(lambda: len(self._looks.limits) > 1)
        return self._looks.limits[-1] > 0


@asynccontextmanager
async def sweeping() -> AsyncIterator[Sweeping]:
    link, clock, looks = Link(), ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), Looks()
    store, bus = cast("Store", looks), cast("Bus", link)
    sweeper = Sweeper(store, bus, Background(), clock, TIMING, on_changed=lambda: None)
    running = asyncio.create_task(sweeper.run())
    yield Sweeping(link, clock, looks)
    running.cancel()


async def test_a_bus_that_is_back_gives_every_node_one_lease_even_before_it_says_that_it_is_back():
    async with sweeping() as made:
        assert await made.may_sweep_after(12)
        made.link.is_connected = False
        assert not await made.may_sweep_after(15)
        made.link.is_connected = True
        assert not await made.may_sweep_after(8)
        assert await made.may_sweep_after(4)
