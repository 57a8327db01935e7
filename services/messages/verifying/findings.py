"""What a check found wrong, as one line for the person at the terminal."""

from typing import NamedTuple

PER_STATEMENT_MAX = 100
"""Of one statement over one batch: a ruined table must not fill the memory or the screen."""


class Finding(NamedTuple):
    """One thing that does not hold; `subject` is a room, a user, or the deployment."""

    subject: str
    check: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.check}: {self.text}"
