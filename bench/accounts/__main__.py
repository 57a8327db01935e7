"""`make bench-accounts`: runs the scenarios, prints tables, and keeps the figures.

`python -m bench.accounts [--quick] [--only logins,flood]`. Quick figures show that it works, no more.
"""

import argparse
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from bench.accounts.effort import FULL, QUICK, Effort
from bench.accounts.flood import measure_flood
from bench.accounts.presentation import make_tables
from bench.accounts.signing_in import measure_logins, measure_refreshes
from bench.accounts.token_checks import measure_token_checks
from bench.accounts.verdicts import GOALS
from bench.load import report
from bench.load.load_process import LoadFailed
from bench.load.verdicts import judge, make_verdict_table
from bench.store.system import Shape, System, run_system
from shared.errors import ChatError
from tests.stack import ARTIFACTS

SCENARIOS: dict[str, Callable[[System, Effort], Awaitable[dict[str, Any]]]] = {
    "logins": measure_logins,
    "refreshes": measure_refreshes,
    "token_checks": measure_token_checks,
    "flood": measure_flood,
}


async def run(effort: Effort, names: list[str]) -> dict[str, Any]:
    """Run the scenarios one after the other; one that fails is said to, and the next one runs."""
    figures: dict[str, Any] = {}
    async with run_system(Shape()) as system:
        for name in names:
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                figures[name] = await SCENARIOS[name](system, effort)
            except (LoadFailed, ChatError, OSError) as exc:
                figures[name] = {"not_run": str(exc) or type(exc).__name__}
    return figures


def show(figures: dict[str, Any], folder: Path, *, is_quick: bool) -> None:
    """Print everything, and write the figures."""
    for title, rows in make_tables(figures):
        report.show(title, rows)
    verdicts = judge(GOALS, figures)
    report.show(*make_verdict_table(verdicts, is_quick=is_quick))
    path = report.save("accounts", {**figures, "goals": [each.to_figure() for each in verdicts]}, folder)
    print(f"\nwritten to {path}")


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
    figures = uvloop.run(run(QUICK if options.quick else FULL, names))
    # A part of the scenarios, or quick figures, must not stand for the whole.
    is_whole = not options.quick and set(names) == set(SCENARIOS)
    show(figures, report.RESULTS if is_whole else ARTIFACTS / "bench", is_quick=options.quick)


if __name__ == "__main__":
    main()
