"""How long a delivery takes, from its publication on NATS to its reading, at steady rates."""

from typing import Any

from bench.gateway.effort import Effort
from bench.gateway.system import System
from bench.load.load_process import LoadProcess
from bench.load.measure import summarise_repeats

_ROOMS, _MEMBERS = 50, 20
_RUNS = 3


async def measure_latency(system: System, effort: Effort) -> dict[str, Any]:
    """50 rooms of 20 take turns; each rate is run three times."""
    people = await system.population.add_people(_ROOMS * _MEMBERS)
    rooms = await system.population.add_rooms([people[start::_ROOMS] for start in range(_ROOMS)])
    rates: dict[str, Any] = {}
    async with LoadProcess(system.plan(people, rooms)) as crowd:
        await crowd.call("open", 0, len(people))
        await system.settle()
        await crowd.call("learn")
        await crowd.call("pace", 1.0, effort.latency_rates[0] / _MEMBERS)
        for rate in effort.latency_rates:
            runs = [await crowd.call("pace", effort.latency_s / _RUNS, rate / _MEMBERS) for _ in range(_RUNS)]
            rates[str(rate)] = {
                name: summarise_repeats([run[name] for run in runs])
                for name in ("p50_ms", "p99_ms", "p999_ms", "max_ms", "deliveries_per_s", "server_cores",
                             "generator_cores")
            } | {"missing": sum(run["missing"] for run in runs)}  # fmt: skip
    return {"rooms": _ROOMS, "members": _MEMBERS, "deliveries_per_s": rates}
