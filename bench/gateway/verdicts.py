"""What the gateway must reach and aims at, and how it is found among the figures. Pure."""

from collections.abc import Callable

from bench.gateway.fan_out import OURS, RAW
from bench.load.verdicts import Figures, Goal

_CHANNELS = "Django Channels, channels_redis"
_SIZE = "1000"
_HOT = 16


def _times_the_limit(figures: Figures) -> float:
    return float(figures["deliveries"]["sizes"][_SIZE]["contenders"][OURS]["times_the_limit"]["median"])


def _times_cheaper_than_channels(figures: Figures) -> float:
    return float(figures["deliveries"]["sizes"][_SIZE]["contenders"][_CHANNELS]["times_ours"]["median"])


def _best_bursts(figures: Figures) -> float:
    rows = figures["bursts"]["joined"]
    return float(max(row["deliveries_per_core_s"]["median"] for k, row in rows.items() if int(k) >= _HOT))


def _memory_kb(figures: Figures) -> float:
    rows = figures["memory"]["20_rooms"]
    return float(max(row["rss_bytes_per_connection"] for row in rows.values()) / 1024)


def _idle_percent(figures: Figures) -> float:
    return float(figures["idle"]["idle"]["cores_used"]["gateway-0"]) * 100


def _storm(name: str) -> Callable[[Figures], float]:
    def find(figures: Figures) -> float:
        value = figures["storm"][name]
        return float(value["median"] if isinstance(value, dict) else value)

    return find


GOALS = (
    Goal("CPU per delivery, 1,000 members", "times raw", 1.5, 1.15, _times_the_limit),
    Goal("the same, Django Channels", "times less", 30, 60, _times_cheaper_than_channels, is_ceiling=False),
    Goal("hot room, bursts", "deliveries/s a core", 600_000, 2_000_000, _best_bursts, is_ceiling=False),
    Goal("memory of an idle connection, 20 rooms", "KB", 14, 9, _memory_kb),
    Goal("idle CPU, 10,000 connections", "% of a core", 5, 2, _idle_percent),
    Goal("5,000 cut at once, all whole", "s", 15, 6, _storm("whole_s")),
    Goal("  messages lost", "", 0, 0, _storm("lost")),
    Goal("  messages doubled", "", 0, 0, _storm("doubled")),
    Goal("  queries a client", "", 0.1, 0.02, _storm("queries_per_client")),
)  # fmt: skip


def compare_to_limit(figures: Figures) -> dict[str, float]:
    """Return the µs of each contender at 1,000 members, the limit first."""
    contenders = figures["deliveries"]["sizes"][_SIZE]["contenders"]
    ordered = sorted(
        contenders, key=lambda name: (name != RAW, contenders[name]["us_per_delivery"]["median"])
    )
    return {name: contenders[name]["us_per_delivery"]["median"] for name in ordered}
