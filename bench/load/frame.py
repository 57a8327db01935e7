"""The frame of a benchmark: which scenarios, one after the other, then tables, verdicts, and figures kept."""

import argparse
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load import report
from bench.load.verdicts import Figures, Goal, judge, make_verdict_table
from tests.stack import ARTIFACTS

Scenario = Callable[[], Awaitable[dict[str, Any]]]
Tables = Iterable[tuple[str, list[tuple[str, str]]]]


@dataclass(frozen=True)
class Presentation:
    """How a benchmark's figures are shown and judged, and the name they are kept under."""

    name: str
    make_tables: Callable[[Figures], Tables]
    goals: Sequence[Goal]
    make_chart: Callable[[Figures], str | None] | None = None


@dataclass(frozen=True)
class Choice:
    """What somebody asked for. A part of the scenarios, or quick figures, must not stand for the whole."""

    names: list[str]
    is_quick: bool
    is_whole: bool
    options: argparse.Namespace

    @property
    def folder(self) -> Path:
        """Where the figures go."""
        return report.RESULTS if self.is_whole else ARTIFACTS / "bench"


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of what every benchmark understands."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small and short; written to test-artifacts/")
    parser.add_argument("--only", help="scenarios, separated by commas")
    return parser


def choose(parser: argparse.ArgumentParser, known: Sequence[str]) -> Choice:
    """Read the command line, and forget settings of the environment: they would be in the figures."""
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(known)
    if unknown := set(names) - set(known):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for name in [each for each in os.environ if each.startswith("CHATCRAFT_")]:
        del os.environ[name]
    is_whole = not options.quick and set(names) == set(known)
    return Choice([each for each in known if each in names], options.quick, is_whole, options)


async def run_scenarios(
    scenarios: Mapping[str, Scenario], failures: tuple[type[Exception], ...]
) -> dict[str, Any]:
    """Run the scenarios one after the other; one that fails is said to, and the next one runs."""
    figures: dict[str, Any] = {}
    for name, measure in scenarios.items():
        print(f"{name} …", file=sys.stderr, flush=True)
        started_s = time.perf_counter()
        try:
            figures[name] = await measure()
        except failures as exc:
            figures[name] = {"not_run": str(exc) or type(exc).__name__}
        print(f"  {time.perf_counter() - started_s:.0f} s", file=sys.stderr, flush=True)
    return figures


def show(figures: Figures, presentation: Presentation, choice: Choice) -> None:
    """Print everything, and write figures and chart."""
    for title, rows in presentation.make_tables(figures):
        report.show(title, rows)
    verdicts = judge(presentation.goals, figures)
    report.show(*make_verdict_table(verdicts, is_quick=choice.is_quick))
    kept = {**figures, "goals": [each.to_figure() for each in verdicts]}
    path = report.save(presentation.name, kept, choice.folder)
    print(f"\nwritten to {path}")
    chart = presentation.make_chart(figures) if presentation.make_chart else None
    if chart is not None:
        path.with_suffix(".svg").write_text(chart, encoding="utf-8")
