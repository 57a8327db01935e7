"""How a person looks to whom, and when a sweeper may believe that a node is dead."""

from dataclasses import replace

import pytest

from services.presence import domain
from services.presence.domain import Person, Timing, View

NOW_MS = 1_800_000_000_000
NOW = "2027-01-15T08:00:00.000Z"
ANN = Person(
    user_id="018f0000-0000-7000-8000-000000000001",
    is_connected=True,
    status="dnd",
    text="writing",
    expires_at_ms=None,
    active_at_ms=NOW_MS,
    told="",
)


def test_others_see_status_text_and_time_of_the_connected():
    seen = domain.seen_by_others(ANN, NOW_MS)
    assert (seen.status, seen.text, seen.last_active_at) == ("dnd", "writing", NOW)


def test_who_is_not_connected_is_offline_whatever_they_chose():
    seen = domain.seen_by_others(replace(ANN, is_connected=False), NOW_MS)
    assert (seen.status, seen.text, seen.last_active_at) == ("offline", None, NOW)


@pytest.mark.parametrize("is_connected", [True, False])
def test_the_invisible_look_offline_and_never_here(is_connected):
    seen = domain.seen_by_others(replace(ANN, status="invisible", is_connected=is_connected), NOW_MS)
    assert (seen.status, seen.text, seen.last_active_at) == ("offline", None, None)


def test_the_invisible_see_themselves():
    seen = domain.seen_by_self(replace(ANN, status="invisible"), NOW_MS)
    assert (seen.status, seen.text, seen.last_active_at) == ("invisible", "writing", NOW)


def test_a_status_whose_time_has_passed_falls_back_to_online():
    seen = domain.seen_by_others(replace(ANN, expires_at_ms=NOW_MS), NOW_MS)
    assert (seen.status, seen.text) == ("online", None)
    assert domain.seen_by_others(replace(ANN, expires_at_ms=NOW_MS + 1), NOW_MS).status == "dnd"


@pytest.mark.parametrize(
    ("person", "is_news"),
    [
        (replace(ANN, told=""), True),
        (replace(ANN, told="dnd writing"), False),
        (replace(ANN, told="dnd reading"), True),
        (replace(ANN, told="", is_connected=False), False),
        (replace(ANN, told="offline ", status="invisible"), False),
    ],
    ids=[
        "never told",
        "told the same",
        "other text",
        "offline as assumed",
        "hidden both ways",
    ],
)
def test_only_what_others_do_not_know_yet_is_news(person, is_news):
    assert domain.is_news(person, domain.seen_by_others(person, NOW_MS)) is is_news


def look_each_second(view: View, token: str, start_s: float, end_s: float) -> None:
    now_s = start_s
    while now_s <= end_s:
        view.on_look(token, now_s)
        now_s += 1


def test_a_sweeper_that_has_just_started_waits_one_lease():
    view = View(Timing())
    assert not view.is_settled(0)
    look_each_second(view, "a", 0, 9)
    assert not view.is_settled(9)
    look_each_second(view, "a", 10, 10)
    assert view.is_settled(10)


def test_a_sweeper_that_did_not_look_for_a_while_waits_one_lease():
    view = View(Timing())
    look_each_second(view, "a", 0, 20)
    assert not view.is_settled(26)
    look_each_second(view, "a", 26, 35)
    assert not view.is_settled(35)
    look_each_second(view, "a", 36, 36)
    assert view.is_settled(36)


def test_a_sweeper_that_finds_other_data_waits_one_lease():
    view = View(Timing())
    look_each_second(view, "a", 0, 20)
    look_each_second(view, "b", 21, 30)
    assert not view.is_settled(30)
    look_each_second(view, "b", 31, 31)
    assert view.is_settled(31)


def test_a_sweeper_that_had_trouble_waits_one_lease():
    view = View(Timing())
    look_each_second(view, "a", 0, 20)
    view.on_trouble()
    assert not view.is_settled(20)
    look_each_second(view, "a", 21, 31)
    assert view.is_settled(31)


def test_a_dead_node_is_found_within_the_promised_fifteen_seconds():
    timing = Timing()
    assert timing.lease_s + 2 * timing.sweep_s + timing.gather_s < 15
