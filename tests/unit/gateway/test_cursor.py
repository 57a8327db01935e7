"""The room cursor says what an event is to somebody who stands somewhere."""

import pytest

from services.gateway.cursor import RoomCursor, Verdict


@pytest.mark.parametrize(
    ("epoch", "rev", "verdict"),
    [
        (1, 8, Verdict.DELIVER),
        (1, 7, Verdict.DROP),
        (1, 3, Verdict.DROP),
        (1, 9, Verdict.GAP),
        (0, 8, Verdict.DROP),
        (2, 8, Verdict.RESET),
        (2, 1, Verdict.RESET),
    ],
)
def test_an_event_is_judged_by_epoch_and_then_by_rev(epoch: int, rev: int, verdict: Verdict) -> None:
    assert RoomCursor(1, 7).judge(epoch, rev) is verdict
