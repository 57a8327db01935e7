"""The group commit: lanes by room, bounded, fed by NATS callbacks that only enqueue.

A handler that awaited its own commit would run at batch size one (449/s against 27,000/s).
"""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from services.messages.store.journal import Journal
from services.messages.writer.batch import Outcome, commit_batch
from services.messages.writer.job import Job
from services.messages.writer.lane import Lane
from services.messages.writer.tracing import trace_commits
from shared.background import Background
from shared.errors import ChatError, unavailable
from shared.tracing import Tracer

QUEUED = Gauge("chatcraft_writer_queued_commands", "Commands accepted and not answered yet")

_QUEUED_MAX = 5_000  # about half a second of work; who comes later is told to come again
_RETRY_AFTER_MS = 500
_DRAIN_POLL_S = 0.02


class Writer:
    """Takes commands, answers each after its commit, hands its events to `publish`."""

    def __init__(
        self,
        engine: AsyncEngine,
        instance: str,
        publish: Callable[[Journal], None],
        explain: Callable[[Exception, str], ChatError],
        *,
        lanes: int,
        batch_max: int,
        tracer: Tracer | None = None,
    ) -> None:
        self._engine = engine
        self._instance = instance
        self._publish = publish
        commit = self._commit if tracer is None else trace_commits(tracer, self._commit)
        self._lanes = [Lane(commit, self._deliver, explain, batch_max) for _ in range(lanes)]
        QUEUED.set_function(lambda: self.queued)

    @property
    def queued(self) -> int:
        return sum(lane.queued for lane in self._lanes)

    def start(self, background: Background) -> None:
        """Begin to commit."""
        for number, lane in enumerate(self._lanes):
            background.run(f"writer-{number}", lane.run)

    def put(self, job: Job) -> None:
        """Queue a command. Raises `unavailable` when too many wait."""
        if self.queued >= _QUEUED_MAX:
            raise unavailable("the writer is overloaded", _RETRY_AFTER_MS)
        # UUIDs of version 7 begin with the time; their end is random.
        self._lanes[int(job.room_id[-8:], 16) % len(self._lanes)].put(job)

    async def drain(self, timeout_s: float) -> None:
        """Wait until all that was taken is answered."""
        deadline_s = monotonic() + timeout_s
        # Only at the end of a process: an event would be kept up to date with every command.
        while self.queued and monotonic() < deadline_s:  # noqa: ASYNC110 - see above
            await asyncio.sleep(_DRAIN_POLL_S)

    async def _commit(self, jobs: Sequence[Job], waits: bool) -> Outcome:
        return await commit_batch(self._engine, jobs, self._instance, waits=waits)

    def _deliver(self, outcome: Outcome) -> None:
        """Publish, then answer, while the next batch is on its way."""
        if outcome.journal.items:
            self._publish(outcome.journal)
        for job, reply in outcome.answers:
            job.answer(reply)
