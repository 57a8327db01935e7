"""What a run says of itself: goals that were reached, missed or not run, and a chart that is an image."""

from xml.etree import ElementTree as ET

from bench.gateway.presentation import make_chart, make_tables
from bench.gateway.verdicts import GOALS
from bench.load.charts import Bar, Panel, draw
from bench.load.verdicts import judge, make_verdict_table


def contender(us: float, times: float) -> dict[str, object]:
    return {
        "us_per_delivery": {"median": us, "min": us, "max": us},
        "times_the_limit": {"median": times, "min": times, "max": times},
        "times_ours": {"median": us / 3.3, "min": us / 3.3, "max": us / 3.3},
        "deliveries_per_s": 1000, "server_cores": 0.5, "generator_cores": 0.5, "frame_bytes": 750,
    }  # fmt: skip


FIGURES = {
    "deliveries": {
        "sizes": {
            "1000": {
                "contenders": {
                    "ChatCraft gateway": contender(3.3, 1.1),
                    "raw write loop": contender(3.0, 1.0),
                    "Django Channels, channels_redis": contender(132.0, 44.0),
                },
                "not_run": {"Node ws": "there is no Node"},
            }
        }
    },
    "idle": {"idle": {"cores_used": {"gateway-0": 0.07}, "connections": 10_000, "seconds": 60}},
    "latency": {"not_run": "the load process ended"},
}


def test_each_goal_says_whether_it_was_reached():
    outcomes = {each.goal.name: each.outcome for each in judge(GOALS, FIGURES)}
    assert outcomes["CPU per delivery, 1,000 members"] == "aim"
    assert outcomes["the same, Django Channels"] == "must"
    assert outcomes["idle CPU, 10,000 connections"] == "missed"
    assert outcomes["5,000 cut at once, all whole"] == "not run"


def test_what_was_not_run_is_said_in_its_table():
    text = "\n".join(f"{title} {rows}" for title, rows in make_tables(FIGURES))
    assert "Node ws" in text
    assert "there is no Node" in text
    assert "the load process ended" in text
    assert "MISSED" in str(make_verdict_table(judge(GOALS, FIGURES), is_quick=False))


def test_the_chart_is_an_image_with_the_limit_first():
    image = ET.fromstring(make_chart(FIGURES) or "")
    labels = [each.text for each in image.iter("{http://www.w3.org/2000/svg}text")]
    assert labels.index("raw write loop") < labels.index("ChatCraft gateway")


def test_a_chart_of_nothing_and_of_zeros_is_still_an_image():
    panels = [Panel("none"), Panel("zeros", [Bar("<a>", 0, "0")])]
    ET.fromstring(draw(panels, 'say "hello"'))
