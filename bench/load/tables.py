"""Figures as tables of two columns: what all benchmarks of several scenarios share. Pure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench.load.verdicts import Figures

Rows = list[tuple[str, str]]
Table = tuple[str, Rows]
MakeTables = Callable[[Figures], Iterator[Table]]

# Who used less has done nothing worth a word.
_USED = 0.005


def make_tables(makers: Mapping[str, MakeTables], figures: Figures) -> Iterator[Table]:
    """Return a title and rows for each scenario that was run; one that failed says why."""
    for name, make in makers.items():
        found = figures.get(name)
        if found is None:
            continue
        if found.keys() == {"not_run"}:
            yield name, [("not run", found["not_run"])]
        else:
            yield from make(found)


def show_spread(value: Mapping[str, float], digits: int = 2) -> str:
    """Return a median with the least and the most, as `1.25 (1.10 to 1.40)`."""
    return f"{value['median']:,.{digits}f} ({value['min']:,.{digits}f} to {value['max']:,.{digits}f})"


def show_cores(row: Mapping[str, Any]) -> str:
    """Return how much of a core each process used, as `auth-0 0.85, nats 0.14`."""
    used = [(name, share) for name, share in row["cores_used"].items() if share >= _USED]
    return ", ".join(f"{name} {share:.2f}" for name, share in used)
