"""Where figures go: a table for the eye, and a file in `bench/results/` with how they were taken."""

import json
import sys
from pathlib import Path
from typing import Any

from bench.load.measure import describe_machine

RESULTS = Path(__file__).resolve().parent.parent / "results"


def show(title: str, rows: list[tuple[str, str]]) -> None:
    """Print a table of two columns."""
    width = max(len(name) for name, _ in rows)
    print(f"\n{title}\n" + "-" * len(title))
    for name, value in rows:
        print(f"{name:<{width}}  {value}")


def save(name: str, figures: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Write the figures with machine and command; the newest of a scenario replaces the last."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    program = Path(sys.argv[0])
    module = program.parent.name if program.stem == "__main__" else program.stem
    command = "python -m " + " ".join([f"bench.{module}", *sys.argv[1:]])
    path.write_text(
        json.dumps({"command": command, "machine": describe_machine(), **figures}, indent=2) + "\n"
    )
    return path
