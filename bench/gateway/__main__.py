"""`make bench-gateway`: runs the scenarios, prints tables, draws a chart, and keeps the figures.

`python -m bench.gateway [--quick] [--only deliveries,storm]`. Quick figures show that it works, no more.
"""

import sys
from collections.abc import Awaitable, Callable
from functools import partial
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
from bench.load.frame import Presentation, choose, make_parser, run_scenarios, show
from bench.load.load_process import LoadFailed
from bench.load.pinning import Cores, TooFewCores, choose_cores

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
    """Run them all on one system."""
    async with run_system(cores) as system:
        scenarios = {name: partial(SCENARIOS[name], system, effort) for name in names}
        return await run_scenarios(scenarios, (LoadFailed,))


def main() -> None:
    """Entry point."""
    choice = choose(make_parser(__doc__), list(SCENARIOS))
    try:
        cores = choose_cores()
    except TooFewCores as exc:
        sys.exit(str(exc))
    figures = uvloop.run(run(cores, QUICK if choice.is_quick else FULL, choice.names))
    show(figures, Presentation("gateway", make_tables, GOALS, make_chart), choice)


if __name__ == "__main__":
    main()
