"""`make bench-gateway`: runs the scenarios, prints tables, draws a chart, and keeps the figures.

`python -m bench.gateway [--quick] [--only deliveries,storm]`. Quick figures show that it works, no more.
"""

import argparse
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from bench.gateway.attention import measure_attention
from bench.gateway.connections import measure_connects, measure_idle, measure_memory
from bench.gateway.effort import FULL, QUICK, Effort
from bench.gateway.fan_out import measure_bursts, measure_deliveries
from bench.gateway.latency import measure_latency
from bench.gateway.presentation import make_chart, make_tables
from bench.gateway.storm import measure_storm
from bench.gateway.system import System, run_system
from bench.gateway.verdicts import GOALS
from bench.load import report
from bench.load.load_process import LoadFailed
from bench.load.pinning import Cores, TooFewCores, choose_cores
from bench.load.verdicts import judge, make_verdict_table
from tests.stack import ARTIFACTS

SCENARIOS: dict[str, Callable[[System, Effort], Awaitable[dict[str, Any]]]] = {
    "deliveries": measure_deliveries,
    "bursts": measure_bursts,
    "latency": measure_latency,
    "connects": measure_connects,
    "memory": measure_memory,
    "idle": measure_idle,
    "attention": measure_attention,
    "storm": measure_storm,
}


async def run(cores: Cores, effort: Effort, names: list[str]) -> dict[str, Any]:
    """Run the scenarios one after the other; one that fails is said to, and the next one runs."""
    figures: dict[str, Any] = {}
    async with run_system(cores) as system:
        for name in names:
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                figures[name] = await SCENARIOS[name](system, effort)
            except LoadFailed as exc:
                figures[name] = {"not_run": str(exc)}
    return figures


def show(figures: dict[str, Any], folder: Path, *, is_quick: bool) -> None:
    """Print everything, and write figures and chart."""
    for title, rows in make_tables(figures):
        report.show(title, rows)
    verdicts = judge(GOALS, figures)
    report.show(*make_verdict_table(verdicts, is_quick=is_quick))
    path = report.save("gateway", {**figures, "goals": [each.to_figure() for each in verdicts]}, folder)
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
    parser.add_argument("--only", default=",".join(SCENARIOS), help="scenarios, separated by commas")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    for name in [each for each in os.environ if each.startswith("CHATCRAFT_")]:
        del os.environ[name]
    try:
        cores = choose_cores()
    except TooFewCores as exc:
        sys.exit(str(exc))
    figures = uvloop.run(run(cores, QUICK if options.quick else FULL, names))
    # A part of the scenarios, or quick figures, must not stand for the whole.
    is_whole = not options.quick and set(names) == set(SCENARIOS)
    show(figures, report.RESULTS if is_whole else ARTIFACTS / "bench", is_quick=options.quick)


if __name__ == "__main__":
    main()
