"""Deletes what users removed long ago from their own items. Every replica runs it and skips locked rows."""

import asyncio
import random

from sqlalchemy.ext.asyncio import AsyncEngine

from services.messages.store.connection import borrow
from services.messages.store.items import sweep_removed
from shared.telemetry import get_logger

log = get_logger(__name__)

_SWEEP_EVERY_S = 3_600.0
_ROWS_AT_ONCE = 1_000


class ItemSweeper:
    """One per process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(self) -> None:
        """Sweep until cancelled, about every hour, not all replicas at once."""
        while True:
            await asyncio.sleep(_SWEEP_EVERY_S * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, no secret
            await self.sweep()

    async def sweep(self) -> int:
        """Delete what is due, a thousand rows at a time; return how many."""
        swept = 0
        while True:
            async with borrow(self._engine) as connection:
                count = await sweep_removed(connection, _ROWS_AT_ONCE)
            swept += count
            if count < _ROWS_AT_ONCE:
                break
        if swept:
            log.info("items_swept", items=swept)
        return swept
