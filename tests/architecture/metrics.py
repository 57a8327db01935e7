"""Every metric that the code declares, as Prometheus's registry has it, for the tests beside this file."""

import importlib
from functools import cache
from typing import NamedTuple

from prometheus_client.registry import REGISTRY

from services.gateway.stats import _SIZES, Stats, _StatsCollector
from tests.architecture.sources import read_sources

OURS = "chatcraft_"
# What prometheus_client tells of a process by itself, and what Prometheus knows of its scrapes.
FOREIGN = {
    "process_cpu_seconds_total": "counter",
    "process_max_fds": "gauge",
    "process_open_fds": "gauge",
    "process_resident_memory_bytes": "gauge",
    "up": "gauge",
}


class Metric(NamedTuple):
    """A metric by the name that is asked for: of a counter with `_total`, of a histogram without a suffix."""

    type: str
    labels: tuple[str, ...]


@cache
def list_metrics() -> dict[str, Metric]:
    """Return all metrics of the project by name."""
    for source in read_sources("services", "shared"):
        if "prometheus_client" in source.imports():
            importlib.import_module(source.module)
    declared = [each for each in REGISTRY._collector_to_names if hasattr(each, "_labelnames")]
    found = {
        _name(each._name, each._type): Metric(each._type, tuple(each._labelnames))
        for each in declared
        if each._name.startswith(OURS)
    }
    node = _StatsCollector(Stats(), dict.fromkeys(_SIZES, lambda: 0))
    return found | {_name(each.name, each.type): Metric(each.type, ()) for each in node.collect()}


@cache
def list_series() -> dict[str, Metric]:
    """Return every series that a query may name, with the labels it has."""
    found = dict(list_metrics())
    for name, metric in list_metrics().items():
        if metric.type == "histogram":
            del found[name]
            found[f"{name}_bucket"] = Metric("counter", (*metric.labels, "le"))
            found[f"{name}_count"] = found[f"{name}_sum"] = Metric("counter", metric.labels)
    return found | {name: Metric(kind, ()) for name, kind in FOREIGN.items()}


def _name(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name
