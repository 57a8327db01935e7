"""One batch, one transaction: lock, load, decide, save, commit. Answers exist only after the commit."""

from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from prometheus_client import Histogram
from sqlalchemy.ext.asyncio import AsyncEngine

from services.messages.store.connection import borrow
from services.messages.store.journal import Journal
from services.messages.writer.decide import DECISIONS
from services.messages.writer.job import Job
from services.messages.writer.load import load
from services.messages.writer.save import save
from services.messages.writer.state import BatchState, Key
from shared.errors import ChatError

BATCH_JOBS = Histogram(
    "chatcraft_writer_batch_jobs", "Commands in a batch", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
COMMIT = Histogram(
    "chatcraft_writer_commit_seconds", "Time of a batch's transaction",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)  # fmt: skip


class Outcome(NamedTuple):
    """What a committed batch leaves to do."""

    answers: list[tuple[Job, bytes | ChatError]]
    journal: Journal
    parked: list[Job]
    """Jobs of rooms that somebody else holds: not done."""


async def commit_batch(engine: AsyncEngine, jobs: Sequence[Job], instance: str, *, waits: bool) -> Outcome:
    """Run the jobs in one transaction; each job's refusal is its own.

    Raises whatever the database raises: then nothing of it can be called done.
    """
    started_s = monotonic()
    async with borrow(engine) as connection, connection.transaction():
        state, locked_elsewhere = await load(connection, jobs, waits=waits)
        ready = [job for job in jobs if job.room_id not in locked_elsewhere]
        decided = [(job, _decide(state, job)) for job in ready]
        marked = {(job.room_id, job.user_id) for job, result in decided if result is None}
        memberships = await save(connection, state, marked, instance)
    BATCH_JOBS.observe(len(ready))
    COMMIT.observe(monotonic() - started_s)
    answers = [(job, _finish(job, result, memberships)) for job, result in decided]
    return Outcome(answers, state.journal, [job for job in jobs if job.room_id in locked_elsewhere])


def _decide(state: BatchState, job: Job) -> bytes | ChatError | None:
    """Return the encoded result, the refusal, or None where the Membership is still to be built."""
    try:
        return DECISIONS[job.command](state, job.user_id, job.asked)
    except ChatError as refusal:
        return refusal


def _finish(job: Job, result: bytes | ChatError | None, memberships: dict[Key, bytes]) -> bytes | ChatError:
    return memberships[job.room_id, job.user_id] if result is None else result
