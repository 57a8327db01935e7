"""The cursor of a room: where this node is in a room's history, and what to do with an event. Pure.

No I/O, no clock: `(epoch, rev)` in, a verdict out. The hub acts on it.
"""

from enum import Enum


class Verdict(Enum):
    DELIVER = "the next one"
    DROP = "seen before, or of a history that is no longer true"
    GAP = "something before it is missing"
    RESET = "another epoch: what was held may never have happened"


class RoomCursor:
    """The last `(epoch, rev)` delivered. Epoch lower: drop; higher: reload."""

    __slots__ = ("epoch", "rev")

    def __init__(self, epoch: int, rev: int) -> None:
        self.epoch = epoch
        self.rev = rev

    def judge(self, epoch: int, rev: int) -> Verdict:
        """Say what an event at `(epoch, rev)` is to somebody who stands here. Changes nothing."""
        if epoch != self.epoch:
            return Verdict.RESET if epoch > self.epoch else Verdict.DROP
        if rev == self.rev + 1:
            return Verdict.DELIVER
        return Verdict.DROP if rev <= self.rev else Verdict.GAP
