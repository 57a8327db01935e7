"""The list of metrics for those who run it, and the code, say the same."""

import re

from tests.architecture.metrics import OURS, Metric, list_metrics
from tests.architecture.sources import ROOT

ROW = re.compile(r"^\| `(chatcraft_[a-z_]+)` \| (\w+) \| ?([^|]*) \| ([^|]+) \|$", re.MULTILINE)


def read_described() -> dict[str, Metric]:
    """Return what docs/operations.md lists."""
    rows = ROW.findall((ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
    assert len({name for name, *_ in rows}) == len(rows), "a metric stands there twice"
    return {name: Metric(kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in rows}


def test_every_metric_is_described_with_its_type_and_labels():
    described = read_described()
    assert {name: metric for name, metric in list_metrics().items() if described.get(name) != metric} == {}


def test_no_metric_is_described_that_does_not_exist():
    assert set(read_described()) - set(list_metrics()) == set()


def test_every_metric_says_in_its_help_what_it_counts():
    assert len(list_metrics()) > 40, "the list is made of what was imported"
    assert all(name.startswith(OURS) for name in list_metrics())
