"""How many commands a lane takes into one transaction, and where they go when it meets a lock."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import asyncpg

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
    await asyncio.wait_for(is_done.wait(), 30)
    running.cancel()
    assert sizes == [2, 2, 1]


async def test_when_no_user_is_to_blame_for_a_lock_each_room_goes_its_own_way():
    """A table is locked: tried again as one batch, all of them would wait for it again and again."""
    tried: list[tuple[set[str], bool]] = []
    answered: Counter[str] = Counter()
    is_done = asyncio.Event()

    async def commit(jobs: Sequence[Job], waits: bool) -> Outcome:
        tried.append(({job.room_id for job in jobs}, waits))
        if tried[-1] != ({"free"}, True):
            raise asyncpg.LockNotAvailableError
        return Outcome([(job, b"stored") for job in jobs], Journal(), [])

    def deliver(outcome: Outcome) -> None:
        answered.update({f"{job.room_id}: {reply}": 1 for job, reply in outcome.answers})
        if answered.total() == 2:
            is_done.set()

    lane = Lane(commit, deliver, lambda _exc, _command: cast("Any", "refused"), 500)
    for room_id in ("held", "free"):
        job = SimpleNamespace(
            room_id=room_id,
            size_bytes=1,
            arrived_s=float("inf"),
            touches_users=False,
            command="send",
            span=None,
        )
        lane.put(cast("Job", job))
    running = asyncio.create_task(lane.run())
    await asyncio.wait_for(is_done.wait(), 30)
    running.cancel()
    assert answered == {"held: refused": 1, "free: b'stored'": 1}
    assert tried == [({"held", "free"}, False), ({"held"}, True), ({"free"}, True)]
