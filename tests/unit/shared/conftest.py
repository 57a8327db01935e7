"""Fixtures of the unit tests of `shared`."""

from collections.abc import Callable
from typing import TypeVar

import pytest
import time_machine

T = TypeVar("T")


@pytest.fixture
def time_machine_at() -> Callable[[float, Callable[[], T]], T]:
    """Call something as if it were that Unix time."""

    def call(moment: float, work: Callable[[], T]) -> T:
        with time_machine.travel(moment, tick=False):
            return work()

    return call
