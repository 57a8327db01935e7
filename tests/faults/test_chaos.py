"""A minute of chaos by a seed of its own: whatever broke, nothing is lost, doubled, reordered or leaked."""

import random
from pathlib import Path

import pytest

from deploy.local.data_dir import DataDir
from tests.chaos.run import run

SECONDS = 40.0
# Enough for those that talk all the time, and few enough for a machine that does other things as well.
ACKED_MIN = 50


@pytest.fixture(autouse=True)
def mended() -> None:
    """No stack of this folder is broken here."""


@pytest.mark.timeout(300)
async def test_whatever_breaks_nothing_is_lost_doubled_reordered_or_leaked(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    said = [f"python -m tests.chaos --seed {seed} --minutes {SECONDS / 60:.4g}"]
    with DataDir.open(tmp_path / "data") as data_dir:
        outcome = await run(seed, SECONDS, data_dir, said.append)
    assert not outcome.wrong, "\n".join(said + outcome.wrong)
    assert outcome.acked >= ACKED_MIN
