"""Half a minute of chaos: whatever broke, nothing is lost, doubled, reordered or leaked."""

from pathlib import Path

import pytest

from deploy.local.data_dir import DataDir
from tests.chaos.run import run
from tests.chaos.schedule import KINDS, plan

# Of many thousand seeds the one that ends the most kinds of processes in this time; others by `make chaos`.
SEED, SECONDS = 4909, 30.0
ENDED = {"postgres", "valkey", "nats", "messages", "presence", "gateway"}
# Few enough for a machine that does other things as well, and more than nobody would get who is cut off.
ACKED_MIN = 20


@pytest.fixture(autouse=True)
def mended() -> None:
    """No stack of this folder is broken here."""


@pytest.mark.timeout(600)
async def test_whatever_breaks_nothing_is_lost_doubled_reordered_or_leaked(tmp_path: Path) -> None:
    schedule = plan(SEED, SECONDS)
    assert {each.whom.partition("-")[0] for each in schedule if each.what in {"kill", "stop"}} == ENDED
    assert len({each.what for each in schedule}) >= len(KINDS) - 1
    said: list[str] = []
    with DataDir.open(tmp_path / "data") as data_dir:
        outcome = await run(SEED, SECONDS, data_dir, said.append)
    assert not outcome.wrong, "\n".join(said + outcome.wrong)
    assert outcome.acked >= ACKED_MIN
