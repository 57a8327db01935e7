"""What a run about accounts says of itself: tables of what was run, and goals reached, missed or not run."""

from bench.accounts.presentation import make_tables
from bench.accounts.token_checks import API, API_CACHED, BARE, JWT, JWT_CACHED
from bench.accounts.verdicts import GOALS
from bench.load.verdicts import judge


def spread(value: float) -> dict[str, float]:
    return {"median": value, "min": value, "max": value}


def check(us: float) -> dict[str, dict[str, float]]:
    return {"us": spread(us), "per_s": spread(1e6 / us)}


def talk(p99_ms: float) -> dict[str, object]:
    latency = {"p50_ms": 2.0, "p99_ms": p99_ms, "max_ms": p99_ms}
    wrong = dict.fromkeys(("unacked", "copies_missing", "copies_doubled", "refused"), 0)
    return {"ack": latency, "last_delivery": latency, "said": 9, **wrong, "cores_used": {"auth-0": 1.2}}


FIGURES = {
    "logins": {
        "hashing_alone_per_s": spread(60), "per_s": spread(50), "p50_ms": 300.0, "p99_ms": 400.0,
        "statuses": {"200": 400}, "cores_used": {"auth-0": 1.7, "load": 0.001},
    },
    "refreshes": {"not_run": "the load process ended"},
    "token_checks": {
        BARE: check(80), JWT: check(90), JWT_CACHED: check(1), API: check(200), API_CACHED: check(7),
        "tokens": 5_000,
    },
    "endings": {"gateways": 2, "logouts": 300, "p50_ms": 12.0, "p99_ms": 20.0, "max_ms": 130.0},
    "flood": {
        "rooms": 25, "members": 10, "messages_per_s": 200.0, "offered_per_s": 300.0,
        "quiet": talk(10.0), "flooded": talk(40.0),
        "flood": {
            "statuses": {"401": 60, "429": 239, "503": 1}, "answered_per_s": 300,
            "refused_p99_ms": 12.0, "not_offered": 0,
        },
    },
}  # fmt: skip


def test_each_goal_says_whether_it_was_reached():
    outcomes = {each.goal.name.strip(): each.outcome for each in judge(GOALS, FIGURES)}
    assert outcomes == {
        "logins, of what the hashing pool does alone": "aim",
        "access token checked the first time": "aim",
        "again": "aim",
        "API token checked again": "must",
        "logout to the last socket closed, longest": "must",
        "send to ack in a flood of logins, p50": "aim",
        "p99": "missed",
        "messages lost, doubled or refused": "aim",
        "logins of the flood answered 429": "aim",
        "neither 401 nor 429": "missed",
    }
    assert {each.outcome for each in judge(GOALS, {})} == {"not run"}


def test_every_scenario_has_its_table_and_one_that_failed_says_why():
    tables = dict(make_tables(FIGURES))
    assert tables["refreshes"] == [("not run", "the load process ended")]
    assert len(tables) == 5
    shown = "\n".join(f"{name} {value}" for rows in tables.values() for name, value in rows)
    for part in (
        "hashing pool alone",
        "400 times 200",
        "auth-0 1.70",
        "10.0",
        "40.0",
        "130.0 ms",
        "239 times 429",
    ):
        assert part in shown
    assert "load 0.00" not in shown
