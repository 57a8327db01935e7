"""Gives a process a clock of its own: the machine's, moved by as many seconds as a file says at the moment.

Python imports it at its start where PYTHONPATH names this directory. The file is in the directory of
TEST_CLOCKS, named after the process's private port; without it the clock is right.
"""

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

_FILE = Path(os.environ.get("TEST_CLOCKS", "/nowhere"), os.environ.get("CHATCRAFT_HEALTH_PORT", "none"))
_right_ns = time.time_ns
_Right = dt.datetime


def _time_ns() -> int:
    try:
        return _right_ns() + int(float(_FILE.read_text()) * 1e9)
    except (OSError, ValueError):  # it is being written
        return _right_ns()


def _time() -> float:
    return _time_ns() / 1e9


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Right)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _Right)


class _Moved(_Right, metaclass=_Kind):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return _Right.fromtimestamp(_time(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return _Right.fromtimestamp(_time(), dt.UTC).replace(tzinfo=None)


time.time_ns = _time_ns
time.time = _time
dt.datetime = _Moved  # type: ignore[misc]  # the one way to reach what others import from there
