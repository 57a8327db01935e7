"""Lexemes that stand for facts about a message: room, sender, links, and the stretch of time it lies in.

They let one index intersect words with facts. No word begins with a slash, so none can be taken for one.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

# Stretches of 2^9 s (9 min) … 2^27 s (4 years): a scan goes back in steps that suit how much there is.
SHIFTS = (9, 12, 15, 18, 21, 24, 27)
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # where a scan ends

_LINK = re.compile(r"(?:https?|ftp)://[^\s/]|\bwww\.\w|\bmailto:\S", re.IGNORECASE)
_STEP = timedelta(microseconds=1)
HAS_LINK = "/link"


class Stretch(NamedTuple):
    """The messages from `start` on that carry `marker`."""

    marker: str
    start: datetime

    @property
    def before(self) -> datetime:
        """The last moment that does not belong to it."""
        return self.start - _STEP


def stretch_of(moment: datetime, level: int) -> Stretch:
    """Return the stretch of a level of `SHIFTS` in which a moment lies."""
    shift = SHIFTS[level]
    seconds = int(moment.timestamp() // 1)
    return Stretch(_stretch_marker(seconds, shift), datetime.fromtimestamp(seconds >> shift << shift, UTC))


def _stretch_marker(seconds: int, shift: int) -> str:
    return f"/t{shift}.{seconds >> shift:x}"


def room_marker(room_id: str) -> str:
    """Return 64 bits of the id: a rare collision is told apart by the row."""
    return f"/r{room_id[:8]}{room_id[-8:]}"


def sender_marker(user_id: str) -> str:
    return f"/u{user_id[:8]}{user_id[-8:]}"


def markers_of(room_id: str, sender_id: str, created_at: datetime, text: str) -> Iterator[str]:
    """Yield all that are true of a message."""
    yield room_marker(room_id)
    yield sender_marker(sender_id)
    seconds = int(created_at.timestamp() // 1)
    for shift in SHIFTS:
        yield _stretch_marker(seconds, shift)
    if _LINK.search(text):
        yield HAS_LINK
