"""`make bench-cluster`: three gateways behind HAProxy, three servers of NATS; nodes that go.

`python -m bench.cluster [--quick] [--only deliveries,rolling]`. Quick figures show that it works, no more.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import uvloop

from bench.cluster.bus import measure_bus
from bench.cluster.crowd import measure_crowd
from bench.cluster.deliveries import measure_deliveries
from bench.cluster.effort import FULL, QUICK, Effort
from bench.cluster.presentation import make_tables
from bench.cluster.rolling import measure_rolling
from bench.cluster.spread import measure_spread
from bench.cluster.system import System, run_system
from bench.cluster.verdicts import GOALS
from bench.load.frame import Presentation, choose, make_parser, run_scenarios, show
from bench.load.load_process import LoadFailed
from deploy.local.errors import StartError

SCENARIOS: dict[str, Callable[[System, Effort], Awaitable[dict[str, Any]]]] = {
    "deliveries": measure_deliveries,
    "bus": measure_bus,
    "spread": measure_spread,
    "rolling": measure_rolling,
    "crowd": measure_crowd,
}


async def run(effort: Effort, names: list[str]) -> dict[str, Any]:
    """Run them all on one cluster."""
    async with run_system() as system:
        scenarios = {name: partial(SCENARIOS[name], system, effort) for name in names}
        return await run_scenarios(scenarios, (LoadFailed, StartError, OSError))


def main() -> None:
    """Entry point."""
    choice = choose(make_parser(__doc__), list(SCENARIOS))
    figures = uvloop.run(run(QUICK if choice.is_quick else FULL, choice.names))
    show(figures, Presentation("cluster", make_tables, GOALS), choice)


if __name__ == "__main__":
    main()
