"""Goals: what a figure must reach and aims at, and whether a run did. Pure: figures in, rows out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Figures = dict[str, Any]
Outcome = Literal["aim", "must", "missed", "not run"]

_WORDS = {"aim": "aim reached", "must": "must reached", "missed": "MISSED", "not run": "not run"}


@dataclass(frozen=True)
class Goal:
    """One figure with its two bounds; `is_ceiling` when less is better."""

    name: str
    unit: str
    must: float
    aim: float
    find: Callable[[Figures], float]
    is_ceiling: bool = True


@dataclass(frozen=True)
class Verdict:
    """How a goal came out."""

    goal: Goal
    value: float | None
    outcome: Outcome

    def to_figure(self) -> dict[str, Any]:
        """Return what is kept of it."""
        return {"goal": self.goal.name.strip(), "value": self.value, "outcome": self.outcome}


def judge(goals: Sequence[Goal], figures: Figures) -> list[Verdict]:
    """Hold every goal against the figures; what is not among them was not run."""
    return [_judge(goal, figures) for goal in goals]


def make_verdict_table(verdicts: Sequence[Verdict], *, is_quick: bool) -> tuple[str, list[tuple[str, str]]]:
    """Return each goal with its figure and what became of it."""
    rows = []
    for each in verdicts:
        value = "" if each.value is None else f"{each.value:>12,.2f} {each.goal.unit}"
        sign = "≤" if each.goal.is_ceiling else "≥"
        bounds = f"must {sign} {each.goal.must:,g}, aim {sign} {each.goal.aim:,g}"
        rows.append((each.goal.name, f"{_WORDS[each.outcome]:<13}{value:<34}{bounds}"))
    note = " (quick: at smaller sizes, which proves nothing)" if is_quick else ""
    return f"What it must reach{note}", rows


def _judge(goal: Goal, figures: Figures) -> Verdict:
    try:
        value = goal.find(figures)
    except (KeyError, ValueError):
        return Verdict(goal, None, "not run")
    sign = 1 if goal.is_ceiling else -1
    if value * sign <= goal.aim * sign:
        return Verdict(goal, value, "aim")
    return Verdict(goal, value, "must" if value * sign <= goal.must * sign else "missed")
