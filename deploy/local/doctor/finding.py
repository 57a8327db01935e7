"""What the doctor says: one line a finding, and for those that are not well what to do."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `advice` says what to do; it is empty where all is well."""

    name: str
    level: Level
    text: str
    advice: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def ok(name: str, text: str) -> Finding:
    return Finding(name, Level.OK, text)


def warn(name: str, text: str, advice: str) -> Finding:
    return Finding(name, Level.WARN, text, advice)


def fail(name: str, text: str, advice: str) -> Finding:
    return Finding(name, Level.FAIL, text, advice)


def judge(name: str, value: float, bounds: tuple[float, float], text: str, advice: str) -> Finding:
    """Return ok below the first bound, FAIL from the second on, and warn between."""
    if value < bounds[0]:
        return ok(name, text)
    return Finding(name, Level.WARN if value < bounds[1] else Level.FAIL, text, advice)


def describe(findings: Sequence[Finding]) -> list[str]:
    """Return the lines for a person."""
    width = max(len(each.name) for each in findings)
    lines = []
    for each in findings:
        lines.append(f"{each.level:<4}  {each.name:<{width}}  {each.text}")
        if each.advice:
            lines.append(f"      {'':<{width}}  → {each.advice}")
    return lines
