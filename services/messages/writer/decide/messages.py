"""Sending, editing and deleting messages, and what that does to the thread they are in."""

from services.messages.domain.access import check_open, check_role, check_thread_root
from services.messages.domain.frames import EMPTY
from services.messages.domain.mentions import NO_MENTIONS, find_mentions
from services.messages.domain.settings import check_may, check_mentions, check_pace
from services.messages.models import MemberRow, MessageRow, RoomRow
from services.messages.writer.state import BatchState, OldText, encode
from shared.contracts.messages import EditMessage, OneMessage, SendMessage
from shared.errors import conflict, forbidden


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
    mentions = find_mentions(asked.text)
    check_mentions(room.settings, member.role, mentions)
    if root is None:
        check_may(room.settings.who_may_post, member.role, "write")
    check_pace(room.settings, member.role, member.last_sent_at, state.now)
    row = MessageRow(
        id=asked.id, room_id=room.id, seq=_next_seq(state, room, member, root), rev=0,
        thread_id=asked.thread_id, reply_to=asked.reply_to, sender_id=user_id, text=asked.text,
        mentions=mentions, created_at=state.now,
    )  # fmt: skip
    _note_time(state, room, member)
    data = state.create(room, row)
    if root is not None:
        _grow_thread(state, room, root, row)
    return _sent(data, is_duplicate=False)


def edit(state: BatchState, user_id: str, asked: EditMessage) -> bytes:
    """Replace the text of one's own message."""
    room, member = state.enter(asked.room_id, user_id)
    row = state.get_message(room.id, asked.message_id)
    if row.sender_id != user_id:
        raise forbidden("only its author may edit a message")
    if row.deleted_at is not None:
        raise conflict("the message is deleted")
    check_open(room.archived_at is not None)
    if row.text == asked.text:
        return encode(row.to_wire())
    mentions = find_mentions(asked.text)
    check_mentions(room.settings, member.role, mentions)
    state.old_texts.append(OldText(room.id, row.id, row.rev, row.text, row.edited_at or row.created_at))
    row.text = asked.text
    row.mentions = mentions
    row.edited_at = state.now
    state.rementioned[room.id, row.id] = row
    return state.update(room, row)


def delete(state: BatchState, user_id: str, asked: OneMessage) -> bytes:
    """Empty a message, and all that hangs on it; it keeps its place."""
    room, member = state.enter(asked.room_id, user_id)
    row = state.get_message(room.id, asked.message_id)
    if row.sender_id != user_id:
        check_role(member.role, "moderator")
    if row.deleted_at is not None:
        return encode(row.to_wire())
    check_open(room.archived_at is not None)
    return _empty(state, room, row)


def erase(state: BatchState, user_id: str, asked: OneMessage) -> bytes:
    """Empty a message of one's own, also in rooms that one has left and that are closed."""
    room, row = state.rooms.get(asked.room_id), state.messages.get((asked.room_id, asked.message_id))
    if room is not None and row is not None and row.sender_id == user_id and row.deleted_at is None:
        _empty(state, room, row)
    return EMPTY


def _empty(state: BatchState, room: RoomRow, row: MessageRow) -> bytes:
    row.text = ""
    row.mentions = NO_MENTIONS
    row.reactions = []
    row.pinned_at = None
    row.deleted_at = state.now
    state.rementioned[room.id, row.id] = row
    state.erased.add((room.id, row.id))
    data = state.update(room, row, "message.deleted")
    if row.thread_id is not None:
        _shrink_thread(state, room, state.get_message(room.id, row.thread_id), row)
    return data


def _sent(message: bytes, *, is_duplicate: bool) -> bytes:
    return b'{"message":%b,"duplicate":%b}' % (message, b"true" if is_duplicate else b"false")


def _get_root(state: BatchState, room: RoomRow, thread_id: str | None) -> MessageRow | None:
    if thread_id is None:
        return None
    root = state.get_message(room.id, thread_id)
    check_thread_root(root.thread_id)
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


def _note_time(state: BatchState, room: RoomRow, member: MemberRow) -> None:
    if room.settings.slow_mode_s:
        member.last_sent_at = state.now
        state.moved_marks[room.id, member.user_id] = member


def _grow_thread(state: BatchState, room: RoomRow, root: MessageRow, reply: MessageRow) -> None:
    root.reply_count += 1
    root.last_reply_at = reply.created_at
    if (replies := state.latest_replies.get((room.id, root.id))) is not None:
        replies.insert(0, (reply.id, reply.created_at))
    state.update(room, root)
    if root.sender_id != reply.sender_id and (room.id, root.sender_id) in state.members:
        state.begin_following(root, root.sender_id)
    state.begin_following(root, reply.sender_id, again=True)
    state.move_thread_mark(root, reply.sender_id, reply.seq)


def _shrink_thread(state: BatchState, room: RoomRow, root: MessageRow, reply: MessageRow) -> None:
    left = [each for each in state.latest_replies[room.id, root.id] if each[0] != reply.id]
    state.latest_replies[room.id, root.id] = left
    root.reply_count -= 1
    root.last_reply_at = left[0][1] if left else None
    state.update(room, root)
