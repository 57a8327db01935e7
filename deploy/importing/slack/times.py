"""Slack's time stamps, which are a message's name within its channel as well. Pure."""

import re
from datetime import UTC, datetime

_STAMP = re.compile(r"(\d{1,10})(?:\.(\d{1,6}))?")
_MICROSECONDS_DIGITS = 6


def parse_stamp(stamp: str | None) -> int | None:
    """Return microseconds since 1970; None for what is no time stamp."""
    match = _STAMP.fullmatch(stamp or "")
    if match is None:
        return None
    return int(match[1]) * 1_000_000 + int((match[2] or "").ljust(_MICROSECONDS_DIGITS, "0"))


def to_moment(microseconds: int) -> datetime:
    """Return the moment of a time stamp."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def find_moment(stamp: str | float | None) -> datetime | None:
    """Return the moment of a time stamp or of a number of seconds, if it is one."""
    microseconds = parse_stamp(stamp if isinstance(stamp, str) or stamp is None else str(int(stamp)))
    return None if microseconds is None else to_moment(microseconds)
