"""Where the messages of an imported history come to stand: dense numbers, as if they had just been sent.

Called by the import under the room's lock. Numbers in, numbers out.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from shared.contracts.importing import HistoryMessage


class Root(Struct):
    """What a message of the main timeline has of the thread under it."""

    rev: int
    last_seq: int = 0
    reply_count: int = 0
    last_reply_at: datetime | None = None


class Placed(Struct, frozen=True):
    """A message with its numbers. `root` is its own, if it may have a thread; replies have none."""

    message: HistoryMessage
    seq: int
    rev: int
    """Of its last reaction, if it has any: those took the revs up to here, in their order."""
    thread_id: str | None
    root: Root | None


class Placement(Struct):
    """The outcome: the room's new numbers, its new messages, and the older ones whose threads grew."""

    rev: int
    last_seq: int
    placed: list[Placed] = field(default_factory=list)
    grown: dict[str, Root] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)
    """Messages of the main timeline by sender."""
    orphans: int = 0
    """Replies without a root."""


def place(
    messages: Sequence[HistoryMessage], rev: int, last_seq: int, roots: Mapping[str, Root]
) -> Placement:
    """Append the messages. `roots` are the stored messages that the given ones may reply to.

    As everywhere, a reply takes two revs: its own, then its root's; and each reaction one, by which it keeps
    its place. A reply whose root is neither stored nor among those before it stands in the main timeline.
    """
    outcome = Placement(rev, last_seq)
    fresh: dict[str, Root] = {}
    for message in messages:
        outcome.rev += 1 + sum(len(each.user_ids) for each in message.reactions)
        thread_id = message.thread_id
        root = (fresh.get(thread_id) or roots.get(thread_id)) if thread_id else None
        if root is None or thread_id is None:
            outcome.last_seq += 1
            outcome.sent[message.sender_id] += 1
            outcome.orphans += thread_id is not None
            own = fresh[message.id] = Root(outcome.rev)
            outcome.placed.append(Placed(message, outcome.last_seq, outcome.rev, None, own))
            continue
        root.last_seq += 1
        outcome.placed.append(Placed(message, root.last_seq, outcome.rev, thread_id, None))
        outcome.rev += 1
        _grow(root, outcome.rev, message)
        if thread_id not in fresh:
            outcome.grown[thread_id] = root
    return outcome


def _grow(root: Root, rev: int, reply: HistoryMessage) -> None:
    root.rev = rev
    if reply.deleted_at is None:
        root.reply_count += 1
        root.last_reply_at = reply.created_at
