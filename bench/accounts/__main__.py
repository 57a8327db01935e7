"""`make bench-accounts`: runs the scenarios, prints tables, and keeps the figures.

`python -m bench.accounts [--quick] [--only logins,flood]`. Quick figures show that it works, no more.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import uvloop

from bench.accounts.effort import FULL, QUICK, Effort
from bench.accounts.endings import measure_endings
from bench.accounts.flood import measure_flood
from bench.accounts.presentation import make_tables
from bench.accounts.signing_in import measure_logins, measure_refreshes
from bench.accounts.token_checks import measure_token_checks
from bench.accounts.verdicts import GOALS
from bench.load.frame import Presentation, choose, make_parser, run_scenarios, show
from bench.load.load_process import LoadFailed
from bench.store.system import Shape, System, run_system
from shared.errors import ChatError

SCENARIOS: dict[str, Callable[[System, Effort], Awaitable[dict[str, Any]]]] = {
    "logins": measure_logins,
    "refreshes": measure_refreshes,
    "token_checks": measure_token_checks,
    "endings": measure_endings,
    "flood": measure_flood,
}


async def run(effort: Effort, names: list[str]) -> dict[str, Any]:
    """Run them all on one system."""
    async with run_system(Shape()) as system:
        scenarios = {name: partial(SCENARIOS[name], system, effort) for name in names}
        return await run_scenarios(scenarios, (LoadFailed, ChatError, OSError))


def main() -> None:
    """Entry point."""
    choice = choose(make_parser(__doc__), list(SCENARIOS))
    figures = uvloop.run(run(QUICK if choice.is_quick else FULL, choice.names))
    show(figures, Presentation("accounts", make_tables, GOALS), choice)


if __name__ == "__main__":
    main()
