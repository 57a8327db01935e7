"""A lane of the writer: takes whatever waits, commits it as one batch, and gathers meanwhile.

Commands of one room stay in the order of their arrival, also where the room has to be waited for.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from services.messages.store.journal import Journal
from services.messages.writer.batch import Outcome
from services.messages.writer.job import Job
from shared.db import translate
from shared.errors import ChatError, unavailable
from shared.tracing import use

Commit = Callable[[Sequence[Job], bool], Awaitable[Outcome]]
"""Commits a batch; the flag says whether to wait for rooms that somebody else holds."""

_BYTES_MAX = 1024 * 1024
_STALE_S = 8.0  # the caller is told `timeout` at 10 s: what is that old is not begun
_SLOW_ROOMS_AT_ONCE = 3  # connections that waiting for locked rooms may take from the pool
# 2 + 4 + 8 + 16 + 32 ms: longer than a batch holds its rooms, short beside the 10 s a command may take.
_MISSES_MAX = 5
_MISS_WAIT_S = 0.001
_LOCK_NOT_AVAILABLE = "55P03"


class Lane:
    """One at a time commits; `deliver` gets what was committed, `explain` words an unforeseen failure."""

    def __init__(
        self,
        commit: Commit,
        deliver: Callable[[Outcome], None],
        explain: Callable[[Exception, str], ChatError],
        jobs_max: int,
    ) -> None:
        self._jobs_max = jobs_max
        self._commit = commit
        self._deliver = deliver
        self._explain = explain
        self._waiting: deque[Job] = deque()
        self._parked: dict[str, deque[Job]] = {}
        self._slow: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_SLOW_ROOMS_AT_ONCE)
        self._wake = asyncio.Event()
        self._busy = 0

    @property
    def queued(self) -> int:
        """How many commands are not answered yet."""
        return len(self._waiting) + self._busy + sum(map(len, self._parked.values()))

    def put(self, job: Job) -> None:
        """Queue a command."""
        self._waiting.append(job)
        self._wake.set()

    async def run(self) -> None:
        """Commit until cancelled."""
        while True:
            if jobs := self._gather():
                await self._run_batch(jobs, waits=False, is_first=True)
            else:
                self._wake.clear()
                await self._wake.wait()

    def _gather(self) -> list[Job]:
        jobs: list[Job] = []
        size_bytes = 0
        while self._waiting and len(jobs) < self._jobs_max and size_bytes < _BYTES_MAX:
            job = self._waiting.popleft()
            jobs.append(job)
            size_bytes += job.size_bytes
        return jobs

    async def _run_batch(self, jobs: Sequence[Job], *, waits: bool, is_first: bool = False) -> None:
        """Commit and deliver; after a failure, find who is to blame.

        `is_first`: nothing that was taken after these jobs is on its way, so they can go back.
        """
        jobs = self._drop_stale(jobs)
        if not waits:
            self._park([job for job in jobs if job.room_id in self._parked])
            jobs = [job for job in jobs if job.room_id not in self._parked]
        if not jobs:
            return
        self._busy += len(jobs)
        # As a value, not a clause: whatever a batch raises, no command may go unanswered.
        [outcome] = await asyncio.gather(self._commit(jobs, waits), return_exceptions=True)
        self._busy -= len(jobs)
        if isinstance(outcome, Outcome):
            self._deliver(outcome)
            if is_first:
                await self._put_back(outcome.parked, is_idle=not outcome.answers)
            else:
                self._park(outcome.parked)
        elif isinstance(outcome, Exception):
            await self._recover(jobs, outcome, waits=waits)
        else:
            raise outcome

    async def _recover(self, jobs: Sequence[Job], exc: Exception, *, waits: bool) -> None:
        passing = translate(exc)
        if passing is not None and not waits and getattr(exc, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            await self._run_apart(jobs)
        elif passing is not None or len(jobs) == 1:
            # Committed or not, nobody knows: the same id again will tell.
            with use(jobs[0].span):
                refusal = self._explain(exc, jobs[0].command)
            self._deliver(Outcome([(job, refusal) for job in jobs], Journal(), []))
        else:
            # One of them is poison: halves, until it stands alone.
            middle = len(jobs) // 2
            await self._run_batch(jobs[:middle], waits=waits)
            await self._run_batch(jobs[middle:], waits=waits)

    async def _run_apart(self, jobs: Sequence[Job]) -> None:
        """The rooms were free, so it is a user's row; or else a table, as while an index is built on it."""
        slow = {job.room_id for job in jobs if job.touches_users} or {job.room_id for job in jobs}
        self._park([job for job in jobs if job.room_id in slow])
        await self._run_batch([job for job in jobs if job.room_id not in slow], waits=False)

    async def _put_back(self, jobs: Sequence[Job], *, is_idle: bool) -> None:
        """Try rooms that were held again with the next batch, and park what was held each time.

        As a rule another replica's batch holds them for some milliseconds: parked at once, each room would
        be a batch of its own (two replicas were half as fast as one).
        """
        rooms = {job.room_id for job in jobs if job.misses >= _MISSES_MAX}
        self._park([job for job in jobs if job.room_id in rooms])
        again = [job for job in jobs if job.room_id not in rooms]
        for job in again:
            job.misses += 1
        self._waiting.extendleft(reversed(again))
        if again and is_idle:
            await asyncio.sleep(_MISS_WAIT_S * 2 ** again[0].misses)

    def _park(self, jobs: Sequence[Job]) -> None:
        """Let a room that is held go its own slow way; what comes for it meanwhile queues behind."""
        for job in jobs:
            if job.room_id in self._parked:
                self._parked[job.room_id].append(job)
                continue
            self._parked[job.room_id] = deque([job])
            task = asyncio.ensure_future(self._work_off(job.room_id))
            self._slow.add(task)
            task.add_done_callback(self._slow.discard)

    async def _work_off(self, room_id: str) -> None:
        parked = self._parked[room_id]
        while parked:
            async with self._slots:
                jobs = [parked.popleft() for _ in range(min(len(parked), self._jobs_max))]
                await self._run_batch(jobs, waits=True)
        del self._parked[room_id]

    def _drop_stale(self, jobs: Sequence[Job]) -> list[Job]:
        oldest_s = monotonic() - _STALE_S
        stale = [job for job in jobs if job.arrived_s < oldest_s]
        if stale:
            refusal = unavailable("the writer is overloaded")
            self._deliver(Outcome([(job, refusal) for job in stale], Journal(), []))
        return [job for job in jobs if job.arrived_s >= oldest_s]
