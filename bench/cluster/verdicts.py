"""What several nodes must reach and aim at, and how it is found among the figures. Pure."""

from collections.abc import Callable

from bench.cluster.deliveries import ALL, ONE
from bench.load.verdicts import Figures, Goal


def _times_the_cost(figures: Figures) -> float:
    shapes = figures["deliveries"]["shapes"]
    costs = [shapes[name]["one at a time"]["gateway_us"]["median"] for name in (ALL, ONE)]
    return float(costs[0] / costs[1])


def _memory_kb(figures: Figures) -> float:
    return float(figures["crowd"]["rss_bytes_per_connection"]["gateway"] / 1024)


def _killed(name: str) -> Callable[[Figures], float]:
    return lambda figures: float(figures["crowd"]["killed"][name])


def _others_p99_ms(figures: Figures) -> float:
    return float(figures["crowd"]["killed"]["others_meanwhile"]["delivery"]["p99_ms"])


def _rolling(name: str) -> Callable[[Figures], float]:
    def find(figures: Figures) -> float:
        value = figures["rolling"][name]
        return float(sum(value.values()) if isinstance(value, dict) else value)

    return find


def _other_closes(figures: Figures) -> float:
    codes = figures["rolling"]["close_codes"]
    return float(sum(count for code, count in codes.items() if code != "1012"))


def _away_s(figures: Figures) -> float:
    return float(figures["rolling"]["away"]["max_s"])


GOALS = (
    Goal("a delivery on 3 gateways, of that on 1", "times", 1.25, 1.1, _times_the_cost),
    Goal("memory of a connection on the gateways", "KB", 14, 9, _memory_kb),
    Goal("1 of 3 gateways killed, all whole", "s", 15, 6, _killed("whole_s")),
    Goal("  not whole", "", 0, 0, _killed("not_whole")),
    Goal("  messages lost", "", 0, 0, _killed("lost")),
    Goal("  messages doubled", "", 0, 0, _killed("doubled")),
    Goal("  queries a client", "", 0.1, 0.02, _killed("queries_per_client")),
    Goal("  delivery to the others meanwhile, p99", "ms", 1_000, 250, _others_p99_ms),
    Goal("rolling restart: commands refused", "", 0, 0, _rolling("refused")),
    Goal("  commands not answered", "", 0, 0, _rolling("unanswered")),
    Goal("  attempts to connect that failed", "", 0, 0, _rolling("failed_attempts")),
    Goal("  closed otherwise than with 1012", "", 0, 0, _other_closes),
    Goal("  messages lost", "", 0, 0, _rolling("lost")),
    Goal("  messages doubled", "", 0, 0, _rolling("doubled")),
    Goal("  longest time away", "s", 10, 6, _away_s),
)
