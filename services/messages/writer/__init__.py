"""The writer: commands on messages and read marks, committed in groups. `app` feeds and drains it."""

from services.messages.writer.job import Job
from services.messages.writer.writer import Writer

__all__ = ["Job", "Writer"]
