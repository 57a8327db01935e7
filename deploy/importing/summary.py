"""What an import did, and what it could not carry over and why: for the terminal, and as JSON for later."""

from collections import Counter
from typing import Any

from msgspec import Struct, field

EXAMPLES_MAX = 5


class LeftBehind(Struct):
    """One reason, how often it held, and a few places."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Summary(Struct):
    """Counts by what they count; reasons in words."""

    counts: Counter[str] = field(default_factory=Counter)
    left_behind: dict[str, LeftBehind] = field(default_factory=dict)

    def count(self, what: str, number: int = 1) -> None:
        """Count something that was carried over."""
        if number:
            self.counts[what] += number

    def leave(self, reason: str, place: str, number: int = 1) -> None:
        """Record something that was not."""
        left = self.left_behind.setdefault(reason, LeftBehind())
        left.count += number
        if len(left.examples) < EXAMPLES_MAX and place not in left.examples:
            left.examples.append(place)

    def to_lines(self) -> list[str]:
        """Return what a person reads."""
        width = max((len(f"{number:,}") for number in self.counts.values()), default=1)
        lines = [f"  {number:>{width},} {what}" for what, number in self.counts.items()]
        if self.left_behind:
            lines += ["", "Not carried over, or not as it was:"]
        for reason, left in sorted(self.left_behind.items(), key=lambda item: -item[1].count):
            places = ", ".join(left.examples) + (" …" if left.count > len(left.examples) else "")
            lines.append(f"  {left.count:,} x {reason} ({places})")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return the same for a program."""
        return {
            "counts": dict(self.counts),
            "not_carried_over": [
                {"reason": reason, "count": left.count, "examples": left.examples}
                for reason, left in self.left_behind.items()
            ],
        }
