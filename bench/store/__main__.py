"""`make bench-store`: runs the scenarios, prints tables, draws a chart, and keeps the figures.

`python -m bench.store [--quick] [--only limits,sends] [--filled PATH]`. Quick figures show that it works.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from bench.load.frame import Presentation, choose, make_parser, run_scenarios, show
from bench.load.load_process import LoadFailed
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


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__)
    parser.add_argument("--filled", type=Path, help="a data directory that bench.store.fill has made")
    choice = choose(parser, list(list_scenarios(None)))
    scenarios = list_scenarios(choice.options.filled)
    effort = QUICK if choice.is_quick else FULL
    chosen = {name: partial(scenarios[name], effort) for name in choice.names}
    figures = uvloop.run(run_scenarios(chosen, FAILURES))
    show(figures, Presentation("store", make_tables, GOALS, make_chart), choice)


if __name__ == "__main__":
    main()
