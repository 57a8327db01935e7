"""`python -m bench.scaling`: makes the tables of docs/scaling.md anew from the figures in bench/results/.

A test holds them against each other.
"""

import json
from pathlib import Path
from typing import Any

from bench.load.report import RESULTS
from bench.scaling.document import fill, make_tables
from bench.scaling.units import MEASURED

DOCUMENT = Path(__file__).parents[2] / "docs" / "scaling.md"


def read_results() -> dict[str, Any]:
    """Return the figures that are used, by the name of their file."""
    names = dict.fromkeys(each.file for each in MEASURED)
    return {name: json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in names}


def main() -> None:
    """Entry point."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(fill(text, make_tables(read_results())), encoding="utf-8")
    print(f"written to {DOCUMENT}")


if __name__ == "__main__":
    main()
