"""Which part of a timeline a page shows. A timeline is dense: arithmetic, no searching."""

from typing import NamedTuple


class Anchor(NamedTuple):
    """At most one is not None; with none, the page is the newest."""

    before: int | None = None
    after: int | None = None
    around: int | None = None


class Window(NamedTuple):
    """The messages `low`..`high`, both included; empty if `high` < `low`."""

    low: int
    high: int


def choose_window(anchor: Anchor, first: int, last: int, limit: int) -> Window:
    """Return at most `limit` numbers of `first`..`last`; an anchor outside is moved to the nearest end."""
    if anchor.after is not None:
        low = max(first, min(anchor.after, last) + 1)
        return Window(low, min(last, low + limit - 1))
    if anchor.around is not None:
        middle = max(first, min(anchor.around, last))
        high = min(last, max(middle - limit // 2, first) + limit - 1)
        return Window(max(first, high - limit + 1), high)
    high = last if anchor.before is None else max(first - 1, min(last, anchor.before - 1))
    return Window(max(first, high - limit + 1), high)


def fit(sizes: list[int], budget_bytes: int, keep: int) -> slice:
    """Return the longest run around index `keep` whose sizes fit the budget: always the one at `keep`.

    Grows towards both ends in turn, so that an anchor in the middle stays in the middle.
    """
    if not sizes:
        return slice(0, 0)
    low, high, used = keep, keep + 1, sizes[keep]
    can_lower, can_raise = True, True
    while can_lower or can_raise:
        if can_lower := low > 0 and used + sizes[low - 1] <= budget_bytes:
            low -= 1
            used += sizes[low]
        if can_raise := high < len(sizes) and used + sizes[high] <= budget_bytes:
            used += sizes[high]
            high += 1
    return slice(low, high)


def kept_index(anchor: Anchor, window: Window) -> int:
    """Return which message of the window must not be dropped when the page is too large."""
    if anchor.after is not None:
        return 0
    if anchor.around is not None:
        return max(window.low, min(anchor.around, window.high)) - window.low
    return max(0, window.high - window.low)
