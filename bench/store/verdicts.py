"""What the store must reach and aims at, and how it is found among the figures. Pure."""

from bench.load.verdicts import Figures, Goal
from bench.store.sends import MANY_ROOMS, ONE_ROOM
from bench.store.system import Shape

OURS = Shape().name


def _sends(figures: Figures, load: str) -> float:
    return float(figures["sends"][OURS][load]["per_s"]["median"])


def _paced(figures: Figures, kind: str, share: str) -> float:
    return float(figures["paced"][kind][share])


def _search_p99(figures: Figures) -> float:
    return float(figures["search"]["queries"]["all kinds"]["p99_ms"])


def _lost(figures: Figures) -> float:
    found = [row for shape in figures["sends"].values() for row in shape.values() if isinstance(row, dict)]
    if not found:
        raise ValueError("nothing was sent")
    return float(sum(row["copies_missing"] + row["copies_doubled"] + row["unacked"] for row in found))


GOALS = (
    Goal("durable sends, 100 rooms of 5 online", "/s", 5_000, 12_000, lambda f: _sends(f, MANY_ROOMS),
         is_ceiling=False),
    Goal("durable sends into one room", "/s", 4_000, 10_000, lambda f: _sends(f, ONE_ROOM), is_ceiling=False),
    Goal("500/s, rooms of 20: to the ack, p50", "ms", 8, 4, lambda f: _paced(f, "ack", "p50_ms")),
    Goal("  p99", "ms", 60, 20, lambda f: _paced(f, "ack", "p99_ms")),
    Goal("  to the last delivery, p50", "ms", 8, 4, lambda f: _paced(f, "last_delivery", "p50_ms")),
    Goal("  p99", "ms", 60, 20, lambda f: _paced(f, "last_delivery", "p99_ms")),
    Goal("search, all kinds, p99", "ms", 50, 50, _search_p99),
    Goal("copies lost or doubled, sends not answered", "", 0, 0, _lost),
)  # fmt: skip
