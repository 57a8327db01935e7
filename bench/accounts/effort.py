"""How much is measured: everything, or a quick look that shows that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Sizes, windows and repeats of the scenarios."""

    repeats: int = 5
    warm_s: float = 2.0
    window_s: float = 8.0
    accounts: int = 100
    """Who sign in, and who are guessed at."""
    checks: int = 5_000
    """Tokens that are checked once each."""
    endings: int = 300
    """Who log out, one after the other."""
    flood_repeats: int = 3
    flood_s: float = 15.0
    flood_per_s: float = 300.0


FULL = Effort()
QUICK = Effort(
    repeats=2,
    warm_s=0.5,
    window_s=2.0,
    accounts=20,
    checks=1_000,
    endings=30,
    flood_repeats=1,
    flood_s=5.0,
)
