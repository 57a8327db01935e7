"""What a client that holds a position is given: nothing, the changes, or a new beginning."""

from shared.contracts.entities import Position
from shared.contracts.limits import SYNC_MAX_REVS_BEHIND
from shared.contracts.sync import HeldPosition, SyncState


def choose_state(held: HeldPosition | None, room: Position) -> SyncState:
    """Return the state of a room's sync element for what the client holds of it."""
    if held is None:
        return "new"
    if must_reset(held.epoch, held.rev, room):
        return "reset"
    return "current" if held.rev == room.rev else "caught_up"


def must_reset(epoch: int, rev: int, room: Position) -> bool:
    """Whether a position is of another history, ahead of the room, or too far behind it."""
    return epoch != room.epoch or not 0 <= room.rev - rev <= SYNC_MAX_REVS_BEHIND
