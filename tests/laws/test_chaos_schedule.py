"""Laws of the schedules by which everything is broken, for any seed and length."""

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.schedule import KINDS, LINKS, NATS, SERVICES, claims, plan

SEEDS = st.integers(0, 2**32 - 1)
SECONDS = st.floats(2, 400)


@given(SEEDS, SECONDS)
def test_the_same_seed_gives_the_same_schedule(seed: int, seconds: float):
    assert plan(seed, seconds) == plan(seed, seconds)


@given(SEEDS, SECONDS)
def test_whatever_begins_is_over_in_time_and_they_come_one_after_the_other(seed: int, seconds: float):
    schedule = plan(seed, seconds)
    times = [each.at_s for each in schedule]
    assert schedule
    assert times == sorted(times)
    assert all(each.at_s + each.lasts_s <= seconds + 0.1 for each in schedule)


@given(SEEDS, SECONDS)
def test_nothing_is_in_two_troubles_at_once(seed: int, seconds: float):
    schedule = plan(seed, seconds)
    for number, first in enumerate(schedule):
        for second in schedule[number + 1 :]:
            if second.at_s < first.at_s + first.lasts_s:
                assert not claims(first) & claims(second), (first, second)


def test_schedules_differ_by_seed_and_in_time_reach_every_kind_and_every_process():
    schedules = [plan(seed, 300) for seed in range(20)]
    assert len({tuple(each) for each in schedules}) == len(schedules)
    drawn = {(trouble.what, trouble.whom) for each in schedules for trouble in each}
    assert {what for what, _ in drawn} == {kind.what for kind in KINDS}
    assert {*SERVICES, *NATS, "postgres", "valkey", *LINKS} <= {whom for _, whom in drawn}
