"""Slack's time stamps, which are a message's name within its channel as well. Pure."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_STAMP = re.compile(r"(\d{1,10})(?:\.(\d{1,6}))?")
_MICROSECONDS_DIGITS = 6
_SECONDS_MAX = 10**10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=8_192)  # sorting, threads and ids ask for the same ones
def parse_stamp(stamp: str | None) -> int | None:
    """Return microseconds since 1970; None for what is no time stamp."""
    match = _STAMP.fullmatch(stamp or "")
    if match is None:
        return None
    return int(match[1]) * 1_000_000 + int((match[2] or "").ljust(_MICROSECONDS_DIGITS, "0"))


def to_moment(microseconds: int) -> datetime:
    """Return the moment of a time stamp."""
    return _EPOCH + timedelta(microseconds=microseconds)


def find_moment(stamp: str | float | None) -> datetime | None:
    """Return the moment of a time stamp or of a number of seconds, if it is one."""
    if isinstance(stamp, int | float):
        stamp = str(int(stamp)) if 0 <= stamp < _SECONDS_MAX else None
    microseconds = parse_stamp(stamp)
    return None if microseconds is None else to_moment(microseconds)
