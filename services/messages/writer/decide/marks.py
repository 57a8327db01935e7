"""Moving read marks: a room's, and a thread's."""

from services.messages.domain.reading import moves
from services.messages.writer.state import BatchState
from shared.contracts.messages import MarkRead
from shared.errors import invalid


def mark_read(state: BatchState, user_id: str, asked: MarkRead) -> None:
    """Move a read mark; the caller's Membership is built when the batch is through."""
    room, member = state.enter(asked.room_id, user_id)
    if asked.thread_id is not None:
        root = state.get_message(room.id, asked.thread_id)
        _check_mark(asked.seq, root.thread_last_seq)
        mark = state.get_thread_mark(root, user_id)
        if moves(mark.read_seq, asked.seq, is_exact=bool(asked.unread)):
            state.move_thread_mark(root, user_id, asked.seq)
            state.told_threads.add((room.id, root.id, user_id))
        return
    _check_mark(asked.seq, room.last_seq)
    seq = max(asked.seq, room.first_seq - 1)  # what the room keeps no longer cannot be unread
    if not moves(member.read_seq, seq, is_exact=bool(asked.unread)):
        return
    sent_above = sum(sent > seq for sent in state.sent_seqs.get((room.id, user_id), ()))
    member.own_above = state.own_above.get((room.id, user_id, seq), 0) + sent_above
    member.read_seq = seq
    state.moved_marks[room.id, user_id] = state.told_marks[room.id, user_id] = member


def _check_mark(seq: int, last_seq: int) -> None:
    if seq > last_seq:
        raise invalid("seq", f"must not be above {last_seq}, the newest message")
