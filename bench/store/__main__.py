"""`make bench-store`: runs the scenarios, prints tables, draws a chart, and keeps the figures.

`python -m bench.store [--quick] [--only limits,sends] [--filled PATH]`. Quick figures show that it works.
"""

import argparse
import os
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from bench.load import report
from bench.load.load_process import LoadFailed
from bench.load.verdicts import judge, make_verdict_table
from bench.search import measure_search
from bench.store.effort import FULL, QUICK, Effort
from bench.store.limits import measure_limits
from bench.store.peer import measure_peer
from bench.store.presentation import make_chart, make_tables
from bench.store.reads import measure_reads
from bench.store.sends import measure_paced, measure_sends
from bench.store.verdicts import GOALS
from bench.store.write_path import measure_write_path
from deploy.local.errors import StartError
from shared.errors import ChatError
from tests.stack import ARTIFACTS

FAILURES = (LoadFailed, StartError, ChatError, OSError, asyncpg.PostgresError)
Scenario = Callable[[Effort], Awaitable[dict[str, Any]]]


def list_scenarios(filled: Path | None) -> dict[str, Scenario]:
    """Return them in the order in which they are run."""
    return {
        "limits": measure_limits,
        "sends": measure_sends,
        "paced": measure_paced,
        "write_path": measure_write_path,
        "peer": measure_peer,
        "search": lambda effort: measure_search(effort.searched_messages, effort.searches),
        "reads": partial(measure_reads, filled=filled),
    }


async def run(scenarios: dict[str, Scenario], effort: Effort) -> dict[str, Any]:
    """Run the scenarios one after the other; one that fails is said to, and the next one runs."""
    figures: dict[str, Any] = {}
    for name, measure in scenarios.items():
        print(f"{name} …", file=sys.stderr, flush=True)
        started_s = time.perf_counter()
        try:
            figures[name] = await measure(effort)
        except FAILURES as exc:
            figures[name] = {"not_run": str(exc) or type(exc).__name__}
        print(f"  {time.perf_counter() - started_s:.0f} s", file=sys.stderr, flush=True)
    return figures


def show(figures: dict[str, Any], folder: Path, *, is_quick: bool) -> None:
    """Print everything, and write figures and chart."""
    for title, rows in make_tables(figures):
        report.show(title, rows)
    verdicts = judge(GOALS, figures)
    report.show(*make_verdict_table(verdicts, is_quick=is_quick))
    path = report.save("store", {**figures, "goals": [each.to_figure() for each in verdicts]}, folder)
    print(f"\nwritten to {path}")
    chart = make_chart(figures)
    if chart is not None:
        path.with_suffix(".svg").write_text(chart, encoding="utf-8")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small and short; written to test-artifacts/")
    parser.add_argument("--only", help="scenarios, separated by commas")
    parser.add_argument("--filled", type=Path, help="a data directory that bench.store.fill has made")
    options = parser.parse_args()
    scenarios = list_scenarios(options.filled)
    names = options.only.split(",") if options.only else list(scenarios)
    if unknown := set(names) - set(scenarios):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(scenarios)}")
    for name in [each for each in os.environ if each.startswith("CHATCRAFT_")]:
        del os.environ[name]
    chosen = {name: measure for name, measure in scenarios.items() if name in names}
    figures = uvloop.run(run(chosen, QUICK if options.quick else FULL))
    # A part of the scenarios, or quick figures, must not stand for the whole.
    is_whole = not options.quick and set(names) == set(scenarios)
    show(figures, report.RESULTS if is_whole else ARTIFACTS / "bench", is_quick=options.quick)


if __name__ == "__main__":
    main()
