"""Reactions to messages: one row for each user and emoji, and the counts that the message shows."""

from services.messages.domain.access import check_open
from services.messages.domain.frames import EMPTY
from services.messages.models import MessageRow, RoomRow
from services.messages.writer.decide.emojis import check_emoji
from services.messages.writer.state import BatchState
from shared.contracts.entities import Reaction
from shared.contracts.limits import REACTION_KINDS_MAX, REACTION_USERS_SHOWN
from shared.contracts.reactions import OneReaction
from shared.errors import conflict


def add_reaction(state: BatchState, user_id: str, asked: OneReaction) -> bytes:
    """React to a message; the same again changes nothing."""
    check_emoji(asked.emoji)
    room, row = _enter(state, user_id, asked)
    reacted = state.reactors.setdefault((room.id, row.id, asked.emoji), [])
    if user_id in reacted:
        return EMPTY
    if not reacted and len(row.reactions) >= REACTION_KINDS_MAX:
        raise conflict(f"a message has at most {REACTION_KINDS_MAX} kinds of reactions")
    reacted.append(user_id)
    _show(row, asked.emoji, reacted)
    state.react(room, row, asked.emoji, user_id, is_added=True)
    return EMPTY


def remove_reaction(state: BatchState, user_id: str, asked: OneReaction) -> bytes:
    """Take back one's own reaction; what is not there is not missed."""
    check_emoji(asked.emoji)
    room, row = _enter(state, user_id, asked)
    return _take_back(state, room, row, user_id, asked.emoji)


def erase_reaction(state: BatchState, user_id: str, asked: OneReaction) -> bytes:
    """Take back one's own reaction, also in rooms that one has left and that are closed."""
    room, row = state.rooms.get(asked.room_id), state.messages.get((asked.room_id, asked.message_id))
    return EMPTY if room is None or row is None else _take_back(state, room, row, user_id, asked.emoji)


def _take_back(state: BatchState, room: RoomRow, row: MessageRow, user_id: str, emoji: str) -> bytes:
    reacted = state.reactors.setdefault((room.id, row.id, emoji), [])
    if user_id in reacted:
        reacted.remove(user_id)
        _show(row, emoji, reacted)
        state.react(room, row, emoji, user_id, is_added=False)
    return EMPTY


def _enter(state: BatchState, user_id: str, asked: OneReaction) -> tuple[RoomRow, MessageRow]:
    room, _ = state.enter(asked.room_id, user_id)
    row = state.get_message(room.id, asked.message_id)
    check_open(room.archived_at is not None)
    if row.deleted_at is not None:
        raise conflict("the message is deleted")
    return room, row


def _show(row: MessageRow, emoji: str, reacted: list[str]) -> None:
    """Let the message show who has reacted with this emoji."""
    shown = Reaction(emoji, len(reacted), reacted[:REACTION_USERS_SHOWN])
    is_known = any(each.emoji == emoji for each in row.reactions)
    changed = [shown if each.emoji == emoji else each for each in row.reactions]
    row.reactions = [each for each in (changed if is_known else [*changed, shown]) if each.count]
