"""Times as they travel."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import ManualClock, SystemClock, from_wire, to_wire

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_time_travels_in_utc_with_milliseconds_cut_off():
    moment = datetime(2026, 1, 31, 13, 0, 0, 1_999, tzinfo=timezone(timedelta(hours=1)))
    assert to_wire(moment) == "2026-01-31T12:00:00.001Z"


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - Hypothesis wants naive bounds
def test_what_was_sent_is_read_to_the_millisecond(moment):
    assert from_wire(to_wire(moment)) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2, max_size=2))
def test_times_sort_as_text(moments):
    earlier, later = sorted(moments)
    assert to_wire(earlier) <= to_wire(later) or earlier.year < 1000


@pytest.mark.parametrize(
    "text", ["2026-01-31T12:00:00+00:00", "2026-01-31T14:00:00+02:00", "2026-01-31T12:00:00Z"]
)
def test_any_offset_is_read(text):
    assert from_wire(text) == NOON


@pytest.mark.parametrize(
    "text", ["2026-01-31T12:00:00", "2026-02-30T12:00:00Z", "2026-01-31T25:00:00Z", "soon"]
)
def test_no_such_moment_or_no_offset_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        from_wire(text)


def test_a_manual_clock_stands_still_until_told():
    clock = ManualClock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.set(NOON + timedelta(seconds=90))
    assert clock.monotonic_s() == 90


def test_the_system_clock_is_aware():
    assert SystemClock().now().tzinfo is UTC
    assert SystemClock().monotonic_s() <= SystemClock().monotonic_s()
