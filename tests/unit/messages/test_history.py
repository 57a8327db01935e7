"""Imported messages take the numbers they would have had if they had been sent."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.messages.domain.history import Root, place
from shared.contracts.importing import HistoryMessage, HistoryReaction

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def said(message_id: str, thread_id: str | None = None, *, is_deleted: bool = False) -> HistoryMessage:
    at = NOON + timedelta(seconds=len(message_id))
    return HistoryMessage(
        message_id, "ann", "x", at, thread_id=thread_id, deleted_at=at if is_deleted else None
    )


def test_a_reply_takes_two_revs_and_a_place_in_its_thread():
    outcome = place([said("a"), said("b", "a"), said("c")], 10, 5, {})
    assert [(each.seq, each.thread_id, each.rev) for each in outcome.placed] == [
        (6, None, 11),
        (1, "a", 12),
        (7, None, 14),
    ]
    root = outcome.placed[0].root
    assert root is not None
    assert (root.rev, root.last_seq, root.reply_count, root.last_reply_at) == (
        13,
        1,
        1,
        NOON + timedelta(seconds=1),
    )
    assert (outcome.rev, outcome.last_seq, outcome.grown) == (14, 7, {})


def test_each_reaction_takes_a_rev_and_the_message_has_the_last():
    liked = HistoryMessage(
        "b", "ann", "x", NOON, thread_id="a",
        reactions=[HistoryReaction("👍", ["cid", "ben"]), HistoryReaction("🎉", ["ben"])],
    )  # fmt: skip
    outcome = place([said("a"), liked, said("c")], 10, 0, {})
    assert [each.rev for each in outcome.placed] == [11, 15, 17]
    root = outcome.placed[0].root
    assert root is not None
    assert (root.rev, outcome.rev) == (16, 17)


def test_a_thread_that_is_stored_grows():
    stored = Root(rev=3, last_seq=4, reply_count=2)
    outcome = place([said("b", "old"), said("c", "old", is_deleted=True)], 9, 9, {"old": stored})
    assert [each.seq for each in outcome.placed] == [5, 6]
    assert outcome.grown == {"old": stored}
    assert (stored.rev, stored.last_seq, stored.reply_count) == (13, 6, 3)


def test_a_reply_without_a_root_and_one_to_a_reply_stand_in_the_main_timeline():
    outcome = place([said("a"), said("b", "a"), said("c", "b"), said("d", "never")], 0, 0, {})
    assert [(each.seq, each.thread_id) for each in outcome.placed] == [
        (1, None),
        (1, "a"),
        (2, None),
        (3, None),
    ]
    assert outcome.orphans == 2


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=60), st.integers(0, 5))
def test_numbers_are_dense_however_the_history_is_cut(threads: list[tuple[int, bool]], cut: int):
    messages = [
        said(str(number), str(thread) if is_reply and thread < number else None)
        for number, (thread, is_reply) in enumerate(threads)
    ]
    first = place(messages[:cut], 0, 0, {})
    roots = {each.message.id: each.root for each in first.placed if each.root}
    second = place(messages[cut:], first.rev, first.last_seq, roots)
    placed = [*first.placed, *second.placed]
    by_thread: dict[str | None, list[int]] = {}
    for each in placed:
        by_thread.setdefault(each.thread_id, []).append(each.seq)
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in by_thread.values())
    revs = [each.root.rev if each.root else each.rev for each in placed]
    assert len(set(revs)) == len(revs)
    assert second.rev == len(placed) + sum(each.thread_id is not None for each in placed)
    whole = place([*messages], 0, 0, {})
    assert [(each.seq, each.rev, each.thread_id) for each in whole.placed] == [
        (each.seq, each.rev, each.thread_id) for each in placed
    ]
