"""How many commands a lane takes into one transaction."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from services.messages.store.journal import Journal
from services.messages.writer.batch import Outcome
from services.messages.writer.job import Job
from services.messages.writer.lane import Lane


async def test_a_batch_holds_at_most_so_many_commands():
    sizes: list[int] = []
    is_done = asyncio.Event()

    async def commit(jobs: Sequence[Job], _waits: bool) -> Outcome:
        sizes.append(len(jobs))
        if sum(sizes) == 5:
            is_done.set()
        return Outcome([], Journal(), [])

    lane = Lane(commit, lambda _outcome: None, lambda exc, _command: cast("Any", exc), 2)
    for _ in range(5):
        lane.put(cast("Job", SimpleNamespace(room_id="room", size_bytes=1, arrived_s=float("inf"))))
    running = asyncio.create_task(lane.run())
    await asyncio.wait_for(is_done.wait(), 5)
    running.cancel()
    assert sizes == [2, 2, 1]
