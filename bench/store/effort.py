"""How much is measured: everything, or a quick look that shows that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Sizes, windows and repeats of the scenarios."""

    repeats: int = 3
    warm_s: float = 2.0
    window_s: float = 8.0
    counters_s: float = 10.5
    """Idle backends tell PostgreSQL's statistics what they did within ten seconds."""
    services: tuple[int, ...] = (1, 2, 3)
    writers_of_one: tuple[int, ...] = (1, 8)
    """With a group commit of one: how many commits at once."""
    paced_s: float = 20.0
    limit_s: float = 3.0
    write_path_messages: int = 50_000
    filled_messages: int = 10_000_000
    filled_rooms: int = 10_000
    reads: int = 2_000
    """Of each kind of page."""
    searched_messages: int = 1_000_000
    searches: int = 200
    """Of each kind of query."""


FULL = Effort()
QUICK = Effort(
    repeats=1,
    warm_s=0.5,
    window_s=2.0,
    counters_s=1.5,
    services=(1,),
    writers_of_one=(1,),
    paced_s=3.0,
    limit_s=1.0,
    write_path_messages=10_000,
    filled_messages=200_000,
    filled_rooms=1_000,
    reads=200,
    searched_messages=20_000,
    searches=20,
)
