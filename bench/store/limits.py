"""The limits of the machine, in the same run: its disk, and PostgreSQL with nothing around it."""

import asyncio
from typing import Any

from bench.load.limits import measure_commits, measure_fsyncs
from bench.store.effort import Effort
from bench.store.system import Shape, run_system

ROWS = (1, 200)


async def measure_limits(effort: Effort) -> dict[str, Any]:
    """Return fsyncs, and rows that one connection inserts at 1 and at 200 rows a commit, a second."""
    async with run_system(Shape()) as system:
        fsyncs = await asyncio.to_thread(measure_fsyncs, system.data_dir.path, effort.limit_s)
        rows = {
            str(count): round(await measure_commits(system.database_url, effort.limit_s, count))
            for count in ROWS
        }
    return {"fsyncs_per_s": round(fsyncs), "rows_per_s_by_rows_per_commit": rows}
