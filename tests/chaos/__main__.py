"""`python -m tests.chaos [--seed 7] [--minutes 5] [--schedule]`, behind `make chaos`."""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path
from time import monotonic

from deploy.local.data_dir import DataDir
from tests.chaos.run import run
from tests.chaos.schedule import plan


def main() -> None:
    """Entry point: the exit code is 1 if something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Break everything, by a seed.")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--schedule", action="store_true", help="print what would be done, and do nothing")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.minutes:g} minutes", flush=True)
    for trouble in plan(options.seed, options.minutes * 60):
        print(trouble)
    if not options.schedule:
        sys.exit(asyncio.run(_run(options.seed, options.minutes * 60)))


async def _run(seed: int, seconds: float) -> int:
    started_s = monotonic()

    def say(line: str) -> None:
        print(f"[{monotonic() - started_s:6.1f}] {line}", flush=True)

    with tempfile.TemporaryDirectory() as folder, DataDir.open(Path(folder) / "data") as data_dir:
        outcome = await run(seed, seconds, data_dir, say)
    say(outcome.summary)
    for line in outcome.wrong:
        say(f"WRONG: {line}")
    say(
        f"seed {seed}: something is wrong"
        if outcome.wrong
        else "nothing was lost, doubled, reordered or leaked"
    )
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    main()
