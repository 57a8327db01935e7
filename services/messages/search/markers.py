"""Lexemes that stand for facts about a message: room, sender, links, and the stretch of time it lies in.

They let one index intersect words with facts. No word begins with a slash, so none can be taken for one.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
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


def markers_of(room_id: str, sender_id: str, created_at: datetime, text: str) -> list[str]:
    """Return all that are true of a message. None of them needs quoting inside quotes."""
    shortest = int(created_at.timestamp() // 1) >> SHIFTS[0]
    markers = [room_marker(room_id), sender_marker(sender_id), *_stretch_markers(shortest)]
    if _LINK.search(text):
        markers.append(HAS_LINK)
    return markers


@lru_cache(256)  # what is indexed is new, as a rule: one stretch, or two
def _stretch_markers(shortest: int) -> tuple[str, ...]:
    seconds = shortest << SHIFTS[0]
    return tuple(_stretch_marker(seconds, shift) for shift in SHIFTS)
