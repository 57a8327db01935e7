"""What a run on several nodes says of itself: tables of what was run, and what became of each goal."""

import pytest

from bench.cluster.deliveries import ALL, DIRECT, ONE
from bench.cluster.presentation import make_tables
from bench.cluster.spread import ALONE, SHARED
from bench.cluster.system import add_up, get_kind
from bench.cluster.verdicts import GOALS
from bench.load.verdicts import judge


def spread(value: float) -> dict[str, float]:
    return {"median": value, "min": value, "max": value}


def delivery(gateway_us: float) -> dict[str, object]:
    names = ("nats_us", "haproxy_us", "deliveries_per_s", "generator_cores", "all_cores")
    row = {name: spread(1.0) for name in names} | {"gateway_us": spread(gateway_us)}
    return {"one at a time": row, "flat out": row}


LATENCY = {"p50_ms": 2.0, "p99_ms": 300.0, "max_ms": 400.0}
FELT = {"ack": LATENCY, "delivery": LATENCY, "deliveries": 9}
NONE_WRONG = dict.fromkeys(("lost", "doubled", "gaps", "unanswered"), 0)
COST = {"gateway": 90.0, "nats": 20.0, "per_s": 1_000}
FIGURES = {
    "deliveries": {
        "rooms": 3, "members": 1_000,
        "shapes": {DIRECT: delivery(9.0), ONE: delivery(10.0), ALL: delivery(12.0)},
    },
    "spread": {
        "people": 10, "rooms_each": 20,
        SHARED: {"rooms_on_node": 20, "rss_bytes_per_connection": 9_000, "idle_cores": {"postgres": 0.002}},
        ALONE: {
            "rooms_on_node": 200, "rss_bytes_per_connection": 29_000, "idle_cores": {"postgres": 0.1},
            "steady_us_per_event": COST, "flat_out_us_per_event": COST,
            "us_per_position": {"messages": 9.0, "postgres": 7.5, "nats": 0.3},
        },
    },
    "bus": {
        "servers": 3, "copies": {"listeners": 30, "us_per_copy": 4.5},
        "feed": {"at_once": 1_000, "per_s": 8_000, "us_per_event": 300.0},
        "subjects": {
            "count": 300_000, "rss_bytes_where_it_listens": 250, "rss_bytes_elsewhere": 150,
            "us_of_all_servers": 9.0,
        },
    },
    "rolling": {
        "clients": 1_500, "messages_per_s": 100.0, "seconds": 90.0, "restarted": 12,
        "quiet": FELT, "behind_the_gateways": FELT,
        "steps": {"nats": {"seconds": 9.0, "cut": 0, "repeated": {"unavailable": 3}}},
        "refused": {}, "failed_attempts": {"503": 1}, "close_codes": {"1006": 2, "1012": 1_400},
        "away": {"p50_s": 2.5, "max_s": 5.5}, **NONE_WRONG,
    },
    "crowd": {
        "connections": 15_000, "gateways": 3, "haproxys": 2, "seconds": 60.0, "connects_per_s": 250,
        "failed_attempts": {}, "us_per_connect": {"gateway": 2_000},
        "rss_bytes_per_connection": {"gateway": 10 * 1024, "haproxy": 40_000},
        "killed": {
            "clients": 5_000, "whole_s": 12.0, "not_whole": 0, "away": {}, "refused": {},
            "repeated": {"cut": 4}, "failed_attempts": {"503": 7}, "rooms_answered": {"caught_up": 25_000},
            "queries": 80, "queries_per_client": 0.016, "messages_per_s": 40.0,
            "others_before": FELT, "others_meanwhile": FELT,
            **NONE_WRONG,
        },
    },
}  # fmt: skip


def test_each_goal_says_whether_it_was_reached():
    outcomes = [(each.goal.name.strip(), each.outcome) for each in judge(GOALS, FIGURES)]
    assert outcomes == [
        ("a delivery on 3 gateways, of that on 1", "must"),
        ("memory of a connection on the gateways", "must"),
        ("1 of 3 gateways killed, all whole", "must"),
        ("not whole", "aim"),
        ("messages lost", "aim"),
        ("messages doubled", "aim"),
        ("queries a client", "aim"),
        ("delivery to the others meanwhile, p99", "must"),
        ("rolling restart: commands refused", "aim"),
        ("commands not answered", "aim"),
        ("attempts to connect that failed", "missed"),
        ("closed otherwise than with 1012", "missed"),
        ("messages lost", "aim"),
        ("messages doubled", "aim"),
        ("longest time away", "aim"),
    ]
    assert {each.outcome for each in judge(GOALS, {})} == {"not run"}
    failed = {name: {"not_run": "no haproxy"} for name in FIGURES}
    assert {each.outcome for each in judge(GOALS, failed)} == {"not run"}


def test_every_scenario_has_its_table_and_one_that_failed_says_why():
    tables = list(make_tables(FIGURES))
    assert len(tables) == 7
    shown = "\n".join(f"{title} {name} {value}" for title, rows in tables for name, value in rows)
    parts = (
        "gateway 12.00",
        "29,000 bytes",
        "150 elsewhere",
        "unavailable 3",
        "1012 1,400",
        "503 7",
        "5.50 s",
    )
    for part in (*parts, "haproxy 40,000", "300.0", "8,000/s", "postgres 7.5", "3 rooms of 1,000"):
        assert part in shown
    assert list(make_tables({"rolling": {"not_run": "no haproxy"}})) == [
        ("rolling", [("not run", "no haproxy")])
    ]


def test_processes_of_a_kind_are_added_up():
    assert get_kind("gateway-2") == "gateway"
    assert get_kind("postgres") == "postgres"
    assert add_up({"nats-1": 1.0, "nats-2": 2.0, "load": 4.0}) == pytest.approx({"nats": 3.0, "load": 4.0})
