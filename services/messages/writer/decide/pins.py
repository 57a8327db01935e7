"""Pinning messages to their room."""

from services.messages.domain.access import check_open
from services.messages.domain.frames import EMPTY
from services.messages.domain.settings import check_may
from services.messages.models import MessageRow, RoomRow
from services.messages.writer.state import BatchState
from shared.contracts.limits import PINS_MAX
from shared.contracts.messages import OneMessage
from shared.errors import conflict


def pin(state: BatchState, user_id: str, asked: OneMessage) -> bytes:
    """Pin a message; one that is pinned stays so."""
    room, row = _enter(state, user_id, asked)
    if row.pinned_at is not None:
        return EMPTY
    if row.deleted_at is not None:
        raise conflict("the message is deleted")
    if state.pin_counts.get(room.id, 0) >= PINS_MAX:
        raise conflict(f"a room has at most {PINS_MAX} pins")
    state.pin_counts[room.id] = state.pin_counts.get(room.id, 0) + 1
    row.pinned_at = state.now
    state.update(room, row, "message.pinned")
    return EMPTY


def unpin(state: BatchState, user_id: str, asked: OneMessage) -> bytes:
    """Unpin a message; one that is not pinned stays so."""
    room, row = _enter(state, user_id, asked)
    if row.pinned_at is not None:
        state.pin_counts[room.id] = state.pin_counts.get(room.id, 0) - 1
        row.pinned_at = None
        state.update(room, row, "message.unpinned")
    return EMPTY


def _enter(state: BatchState, user_id: str, asked: OneMessage) -> tuple[RoomRow, MessageRow]:
    room, member = state.enter(asked.room_id, user_id)
    row = state.get_message(room.id, asked.message_id)
    check_open(room.archived_at is not None)
    check_may(room.settings.who_may_pin, member.role, "pin messages")
    return room, row
