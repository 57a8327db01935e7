"""What the system has promised: all that was acked, and what that makes of each message. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.contracts.entities import Message

SHOWN_MAX = 5


@dataclass
class Promise:
    """A message whose sending was acked, and what else was acked of it."""

    id: str
    room_id: str
    thread_id: str | None
    sender_id: str
    text: str
    is_deleted: bool = False
    reactions: set[tuple[str, str]] = field(default_factory=set)
    """Emoji and user."""


class Ledger:
    """All people write their acks here, each in the order in which they got them."""

    def __init__(self) -> None:
        self.promises: dict[str, Promise] = {}
        self.read_marks: dict[tuple[str, str], int] = {}
        """The highest acked seq, by user and room."""
        self.refusals: Counter[str] = Counter()
        """How often a command had to be sent again, by the code of the error."""
        self.wrong: list[str] = []
        """Refusals that no fault explains."""

    def add(self, message: Message) -> Promise:
        """Note a message that was acked as sent."""
        made = Promise(message.id, message.room_id, message.thread_id, message.sender_id, message.text)
        self.promises[message.id] = made
        return made

    def mark_read(self, user_id: str, room_id: str, seq: int) -> None:
        """Note an acked read mark; marks only move forward."""
        key = user_id, room_id
        self.read_marks[key] = max(seq, self.read_marks.get(key, 0))

    def forget_mark(self, user_id: str, room_id: str) -> None:
        """Who has been away from a room begins anew there."""
        self.read_marks.pop((user_id, room_id), None)

    def list_threads(self, room_id: str) -> list[str]:
        """Return the threads of a room in which a reply was acked."""
        return sorted({each.thread_id for each in self._list(room_id) if each.thread_id})

    def compare(self, room_id: str, stored: Sequence[Message], thread_id: str | None = None) -> list[str]:
        """Name what differs between the promises and a whole timeline, the room's or a thread's, by seq."""
        promised = {each.id: each for each in self._list(room_id) if each.thread_id == thread_id}
        counts = Counter(message.id for message in stored)
        found = _shown("acked, but not stored", promised.keys() - counts.keys())
        found += _shown("stored, but never acked", counts.keys() - promised.keys())
        found += _shown("stored more than once", [each for each, count in counts.items() if count > 1])
        if [message.seq for message in stored] != list(range(1, len(stored) + 1)):
            found.append("the seqs have holes")
        found += _compare_orders(list(promised.values()), stored)
        for message in stored:
            if message.id in promised:
                found += _compare_message(promised[message.id], message)
        where = f"thread {thread_id} of " if thread_id else ""
        return [f"{where}room {room_id}: {each}" for each in found]

    def _list(self, room_id: str) -> list[Promise]:
        return [each for each in self.promises.values() if each.room_id == room_id]


def _compare_orders(promised: Sequence[Promise], stored: Sequence[Message]) -> list[str]:
    """Each sender waits for the ack before the next message, so theirs stand in that order."""
    found = []
    for sender_id in {each.sender_id for each in promised}:
        acked = [each.id for each in promised if each.sender_id == sender_id]
        kept = [message.id for message in stored if message.sender_id == sender_id]
        if sorted(acked) == sorted(kept) and acked != kept:
            found.append(f"the messages of {sender_id} are not in the order of their acks")
    return found


def _compare_message(promise: Promise, message: Message) -> list[str]:
    if promise.is_deleted:
        return [] if message.deleted_at else [f"message {message.id} was acked as deleted and is there"]
    found = []
    if message.deleted_at:
        found.append(f"message {message.id} is deleted, which nobody asked for")
    if message.text != promise.text:
        found.append(f"message {message.id} says {message.text!r}, acked was {promise.text!r}")
    given = {(each.emoji, user_id) for each in message.reactions for user_id in each.user_ids}
    found += [f"message {message.id} lacks the reaction {each}" for each in promise.reactions - given]
    return found


def _shown(what: str, ids: Sequence[str] | set[str]) -> list[str]:
    if not ids:
        return []
    return [f"{len(ids)} {what}: {', '.join(sorted(ids)[:SHOWN_MAX])}"]
