"""Gives the space of deleted rows free for new ones: autovacuum would wait until a fifth of a table is dead.

Called by the sweeper of retention, which says how much it deleted where.
"""

import re
from collections import Counter
from time import monotonic
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncEngine

from services.messages.store.connection import borrow
from shared.telemetry import get_logger

log = get_logger(__name__)

# Reading a partition's visibility map and its indexes is worth it for that much.
_ROWS_MIN = 10_000
_EVERY_S = 600.0
# The service's statements may last 8 s; this one reads all indexes of a partition.
_TIMEOUT_S = 3_600.0
_PARTITION = re.compile(r"messages\.[a-z_]+_\d\d")


class Vacuum:
    """Of one process; two that meet at a partition do not wait for each other."""

    def __init__(self, engine: AsyncEngine, *, rows_min: int = _ROWS_MIN, every_s: float = _EVERY_S) -> None:
        self._engine = engine
        self._rows_min = rows_min
        self._every_s = every_s
        self._dead: Counter[str] = Counter()
        self._vacuumed_at: dict[str, float] = {}

    def count(self, rows_by_partition: Counter[str]) -> None:
        """Note deleted rows."""
        self._dead.update(rows_by_partition)

    async def vacuum_due(self) -> list[str]:
        """Vacuum the partitions with many dead rows, none too often; return their names."""
        due = [name for name, dead in self._dead.items() if dead >= self._rows_min and self._is_rested(name)]
        for name in due:
            await self._vacuum(name)
        return due

    def _is_rested(self, name: str) -> bool:
        return monotonic() - self._vacuumed_at.get(name, -self._every_s) >= self._every_s

    async def _vacuum(self, name: str) -> None:
        assert _PARTITION.fullmatch(name), "a partition as PostgreSQL writes its name"
        self._vacuumed_at[name] = started_s = monotonic()
        async with borrow(self._engine) as connection:  # VACUUM runs in no transaction
            await cast("Any", connection).execute(f"VACUUM (SKIP_LOCKED) {name}", timeout=_TIMEOUT_S)
        dead = self._dead.pop(name)
        log.info("vacuumed", partition=name, deleted=dead, took_s=round(monotonic() - started_s, 1))
