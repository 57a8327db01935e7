"""What each command of a batch does to the batch's state. All checks first, then the changes. No I/O.

Returns the encoded result; raises ChatError for a refusal, and then has changed nothing.
"""

from services.messages.domain.access import check_open, check_role
from services.messages.domain.mentions import NO_MENTIONS, find_mentions
from services.messages.domain.reading import moves
from services.messages.models import MemberRow, MessageRow, RoomRow
from services.messages.writer.state import BatchState, encode
from shared.contracts.messages import EditMessage, MarkRead, OneMessage, SendMessage
from shared.errors import conflict, forbidden, invalid


def send(state: BatchState, user_id: str, asked: SendMessage) -> bytes:
    """Append a message to its timeline; the same id again returns what is stored."""
    room, member = state.enter(asked.room_id, user_id)
    stored = state.messages.get((room.id, asked.id))
    if stored is not None:
        if stored.sender_id != user_id:
            raise conflict("another message has this id")
        return _sent(encode(stored.to_wire()), is_duplicate=True)
    check_open(room.archived_at is not None)
    root = _get_root(state, room, asked.thread_id)
    if asked.reply_to is not None:
        state.get_message(room.id, asked.reply_to)
    row = MessageRow(
        id=asked.id, room_id=room.id, seq=_next_seq(state, room, member, root), rev=0,
        thread_id=asked.thread_id, reply_to=asked.reply_to, sender_id=user_id, text=asked.text,
        mentions=find_mentions(asked.text), created_at=state.now,
    )  # fmt: skip
    data = state.create(room, row)
    if root is not None:
        _grow_thread(state, room, root, row)
    return _sent(data, is_duplicate=False)


def edit(state: BatchState, user_id: str, asked: EditMessage) -> bytes:
    """Replace the text of one's own message."""
    room, _ = state.enter(asked.room_id, user_id)
    row = state.get_message(room.id, asked.message_id)
    if row.sender_id != user_id:
        raise forbidden("only its author may edit a message")
    if row.deleted_at is not None:
        raise conflict("the message is deleted")
    check_open(room.archived_at is not None)
    if row.text == asked.text:
        return encode(row.to_wire())
    row.text = asked.text
    row.mentions = find_mentions(asked.text)
    row.edited_at = state.now
    state.rementioned[room.id, row.id] = row
    return state.update(room, row)


def delete(state: BatchState, user_id: str, asked: OneMessage) -> bytes:
    """Empty a message; it keeps its place."""
    room, member = state.enter(asked.room_id, user_id)
    row = state.get_message(room.id, asked.message_id)
    if row.sender_id != user_id:
        check_role(member.role, "moderator")
    if row.deleted_at is not None:
        return encode(row.to_wire())
    check_open(room.archived_at is not None)
    row.text = ""
    row.mentions = NO_MENTIONS
    row.pinned_at = None
    row.deleted_at = state.now
    state.rementioned[room.id, row.id] = row
    data = state.update(room, row, "message.deleted")
    if row.thread_id is not None:
        _shrink_thread(state, room, state.get_message(room.id, row.thread_id), row)
    return data


def mark_read(state: BatchState, user_id: str, asked: MarkRead) -> None:
    """Move a read mark; the caller's Membership is built when the batch is through."""
    room, member = state.enter(asked.room_id, user_id)
    if asked.thread_id is not None:
        root = state.get_message(room.id, asked.thread_id)
        _check_mark(asked.seq, root.thread_last_seq)
        state.thread_marks[room.id, root.id, user_id] = (asked.seq, asked.unread)
        return
    _check_mark(asked.seq, room.last_seq)
    seq = max(asked.seq, room.first_seq - 1)  # what the room keeps no longer cannot be unread
    if not moves(member.read_seq, seq, is_exact=asked.unread):
        return
    sent_above = sum(sent > seq for sent in state.sent_seqs.get((room.id, user_id), ()))
    member.own_above = state.own_above.get((room.id, user_id, asked.seq), 0) + sent_above
    member.read_seq = seq
    state.moved_marks[room.id, user_id] = state.told_marks[room.id, user_id] = member


def _sent(message: bytes, *, is_duplicate: bool) -> bytes:
    return b'{"message":%b,"duplicate":%b}' % (message, b"true" if is_duplicate else b"false")


def _get_root(state: BatchState, room: RoomRow, thread_id: str | None) -> MessageRow | None:
    if thread_id is None:
        return None
    root = state.get_message(room.id, thread_id)
    if root.thread_id is not None:
        raise conflict("a thread cannot begin within a thread")
    return root


def _next_seq(state: BatchState, room: RoomRow, member: MemberRow, root: MessageRow | None) -> int:
    if root is not None:
        root.thread_last_seq += 1
        return root.thread_last_seq
    room.last_seq += 1
    room.active_at = state.now
    key = (room.id, member.user_id)
    member.read_seq, member.own_above = room.last_seq, 0
    state.moved_marks[key] = member
    state.sent_seqs.setdefault(key, []).append(room.last_seq)
    return room.last_seq


def _grow_thread(state: BatchState, room: RoomRow, root: MessageRow, reply: MessageRow) -> None:
    root.reply_count += 1
    root.last_reply_at = reply.created_at
    if (replies := state.latest_replies.get((room.id, root.id))) is not None:
        replies.insert(0, (reply.id, reply.created_at))
    state.update(room, root)


def _shrink_thread(state: BatchState, room: RoomRow, root: MessageRow, reply: MessageRow) -> None:
    left = [each for each in state.latest_replies[room.id, root.id] if each[0] != reply.id]
    state.latest_replies[room.id, root.id] = left
    root.reply_count -= 1
    root.last_reply_at = left[0][1] if left else None
    state.update(room, root)


def _check_mark(seq: int, last_seq: int) -> None:
    if seq > last_seq:
        raise invalid("seq", f"must not be above {last_seq}, the newest message")
