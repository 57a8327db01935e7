"""The batch as a span: child of the first sampled command in it, and linked from every one.

In the place of the plain commit where there is a tracer.
"""

from collections.abc import Sequence

from services.messages.writer.batch import Outcome
from services.messages.writer.job import Job
from services.messages.writer.lane import Commit
from shared.tracing import Kind, Tracer


def trace_commits(tracer: Tracer, commit: Commit) -> Commit:
    """Return `commit` that notes each batch with a sampled command in it."""

    async def commit_traced(jobs: Sequence[Job], waits: bool) -> Outcome:
        spans = [span for job in jobs if (span := job.span) is not None]
        if not spans:
            return await commit(jobs, waits)
        told = {"chatcraft.batch.commands": len(jobs), "chatcraft.batch.waits": waits}
        with tracer.span("writer.batch", Kind.INTERNAL, spans[0], told) as batch:
            for span in spans:
                span.link(batch)
            return await commit(jobs, waits)

    return commit_traced
