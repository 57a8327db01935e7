"""What a run of the store's benchmark says of itself: tables of each scenario, goals, a chart."""

from typing import Any
from xml.etree import ElementTree as ET

from bench.load.verdicts import judge
from bench.store.presentation import make_chart, make_tables
from bench.store.sends import MANY_ROOMS, ONE_ROOM, summarise_talk
from bench.store.verdicts import GOALS, OURS


def talked(per_s: int, doubled: int = 0) -> dict[str, Any]:
    latency = {"p50_ms": 5.0, "p99_ms": 30.0, "max_ms": 40.0}
    return {
        "messages": 10, "per_s": per_s, "ack": latency, "last_delivery": latency, "said": 12, "unacked": 0,
        "copies_missing": 0, "copies_doubled": doubled, "refused": {},
    }  # fmt: skip


def sent(per_s: int, doubled: int = 0) -> dict[str, Any]:
    return {
        **summarise_talk([talked(per_s, doubled)]), "transactions_per_message": 0.02,
        "writing_transactions_per_message": 0.01, "wal_bytes_per_message": 900, "commands_per_batch": 100.0,
        "cores_used": {"messages-0": 0.5, "load": 0.1},
    }  # fmt: skip


FIGURES: dict[str, Any] = {
    "limits": {"fsyncs_per_s": 3_000, "rows_per_s_by_rows_per_commit": {"1": 2_000, "200": 100_000}},
    "sends": {
        OURS: {MANY_ROOMS: sent(13_000), ONE_ROOM: sent(4_500)},
        "group commit of one, 1 at once": {"not_run": "of 10 messages none was acked in time"},
    },
    "paced": {**talked(500), "rooms": 25, "members": 20, "cores_used": {"load": 0.1}},
    "peer": {"not_run": "there is no apt-get"},
}


def test_each_goal_says_whether_it_was_reached():
    outcomes = [each.outcome for each in judge(GOALS, FIGURES)]
    assert outcomes == ["aim", "must", "must", "must", "must", "must", "not run", "aim"]


def test_a_doubled_copy_misses_a_goal_and_nothing_sent_reaches_none():
    figures = {"sends": {OURS: {MANY_ROOMS: sent(13_000, doubled=1), ONE_ROOM: sent(1)}}}
    assert judge(GOALS, figures)[-1].outcome == "missed"
    assert {each.outcome for each in judge(GOALS, {})} == {"not run"}


def test_what_was_not_run_is_said_in_its_table():
    text = "\n".join(f"{title} {rows}" for title, rows in make_tables(FIGURES))
    assert "there is no apt-get" in text
    assert "none was acked in time" in text
    assert "13,000/s" in text


def test_the_chart_is_an_image_of_what_was_sent():
    image = ET.fromstring(make_chart(FIGURES) or "")
    labels = [each.text for each in image.iter("{http://www.w3.org/2000/svg}text")]
    assert OURS in labels
    assert make_chart({}) is None
