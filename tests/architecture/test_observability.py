"""Dashboard and alert rules: they parse, name what exists, and each alert leads to what to do."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from tests.architecture.metrics import FOREIGN, list_series
from tests.architecture.sources import ROOT

FOLDER = ROOT / "deploy" / "observability"
RUNBOOKS = ROOT / "docs" / "runbooks.md"
# Added by Prometheus to whatever it scrapes.
TARGET_LABELS = {"job", "instance"}
OVER_COUNTERS = {"rate", "increase", "irate"}
PROMTOOL = shutil.which("promtool", path=f"{ROOT / '.venv' / 'bin'}:/usr/bin:/usr/local/bin")


def list_rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def list_panels() -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))[
        "panels"
    ]
    return panels


def list_queries() -> dict[str, str]:
    """Return every expression by where it stands; Grafana's variable is put in."""
    queries = {rule["alert"]: rule["expr"] for rule in list_rules()}
    for panel in list_panels():
        for target in panel["targets"]:
            queries[f"{panel['title']} {target['refId']}"] = target["expr"].replace("$__rate_interval", "5m")
    return queries


QUERIES = list_queries()


def walk(node: Any) -> Iterator[Any]:
    """Every part of a parsed query."""
    yield node
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        if (child := getattr(node, name, None)) is not None:
            yield from walk(child)
    for child in getattr(node, "args", ()) or ():
        yield from walk(child)


def list_selectors(query: str) -> list[Any]:
    return [
        node for node in walk(promql_parser.parse(query)) if isinstance(node, promql_parser.VectorSelector)
    ]


@pytest.mark.parametrize("place", QUERIES)
def test_every_query_names_series_that_exist_by_labels_that_they_have(place):
    series = list_series()
    selectors = list_selectors(QUERIES[place])
    assert selectors, "a query asks for something"
    for selector in selectors:
        labels = {matcher.name for matcher in selector.matchers.matchers} - {"__name__"}
        assert selector.name in series
        assert labels <= set(series[selector.name].labels) | TARGET_LABELS


@pytest.mark.parametrize("place", QUERIES)
def test_counters_are_asked_for_their_rate_and_gauges_are_not(place):
    series = list_series()
    rated = {
        each.name
        for node in walk(promql_parser.parse(QUERIES[place]))
        if isinstance(node, promql_parser.Call) and node.func.name in OVER_COUNTERS
        for each in walk(node)
        if isinstance(each, promql_parser.VectorSelector)
    }
    counters = {each.name for each in list_selectors(QUERIES[place]) if series[each.name].type == "counter"}
    assert rated == counters


@pytest.mark.parametrize("place", QUERIES)
def test_sums_are_by_labels_that_the_series_have(place):
    series = list_series()
    for node in walk(promql_parser.parse(QUERIES[place])):
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            known = {
                label
                for each in walk(node)
                if isinstance(each, promql_parser.VectorSelector)
                for label in series[each.name].labels
            }
            assert set(node.modifier.labels) <= known | TARGET_LABELS


@pytest.mark.parametrize("rule", list_rules(), ids=lambda rule: rule["alert"])
def test_every_alert_leads_to_a_section_that_says_what_to_do(rule):
    file, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert ROOT / file == RUNBOOKS
    assert anchor == rule["alert"].lower()
    section = (
        RUNBOOKS.read_text(encoding="utf-8").partition(f"### {rule['alert']}\n")[2].partition("\n### ")[0]
    )
    assert len(section.split()) > 20
    assert rule["labels"]["severity"] in {"page", "warn"}


def test_no_section_is_about_an_alert_that_does_not_exist():
    sections = set(re.findall(r"^### (\w+)$", RUNBOOKS.read_text(encoding="utf-8"), re.MULTILINE))
    assert sections == {rule["alert"] for rule in list_rules()}


def test_panels_do_not_lie_upon_each_other():
    places = [
        (x, y)
        for panel in list_panels()
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(places) == len(set(places))
    assert len({panel["id"] for panel in list_panels()}) == len(list_panels())


def test_what_is_not_ours_is_known_to_be_there():
    from prometheus_client import generate_latest

    told = generate_latest().decode()
    assert {name for name in FOREIGN if name != "up" and f"\n{name} " not in told} == set()


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool: `make promtool` gets Debian's")
@pytest.mark.parametrize(
    "arguments", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts.test.yaml")]
)
def test_prometheus_takes_the_rules_and_fires_them_when_it_should(arguments):
    run = subprocess.run(
        [str(PROMTOOL), *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
