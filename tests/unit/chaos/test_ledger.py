"""The ledger finds whatever a store may do wrong with what was acked."""

from msgspec.structs import replace

from shared.contracts.entities import Mentions, Message, Reaction
from tests.chaos.ledger import Ledger

ROOM, ANNA, BERT = "room", "anna", "bert"


def message(number: int, sender_id: str = ANNA) -> Message:
    return Message(
        id=f"m{number}", room_id=ROOM, seq=number, rev=number, thread_id=None, reply_to=None,
        sender_id=sender_id, kind="text", text=f"text {number}", content=None, mentions=Mentions(), files=[],
        reactions=[], reply_count=0, last_reply_at=None, pinned_at=None, created_at="now", edited_at=None,
        deleted_at=None,
    )  # fmt: skip


def acked(*messages: Message) -> Ledger:
    ledger = Ledger()
    for each in messages:
        ledger.add(each)
    return ledger


def test_a_store_that_holds_just_what_was_acked_is_right():
    stored = [message(1), message(2, BERT), message(3)]
    assert acked(*stored).compare(ROOM, stored) == []


def test_what_is_lost_doubled_or_never_acked_is_found():
    one, two, three = message(1), message(2), message(3)
    assert acked(one, two).compare(ROOM, [one]) == ["room room: 1 acked, but not stored: m2"]
    assert acked(one).compare(ROOM, [one, two]) == ["room room: 1 stored, but never acked: m2"]
    doubled = [one, two, replace(two, seq=3)]
    assert acked(one, two).compare(ROOM, doubled) == ["room room: 1 stored more than once: m2"]
    assert acked(one, three).compare(ROOM, [one, three]) == ["room room: the seqs have holes"]


def test_messages_of_other_rooms_are_not_missed():
    assert acked(message(1), replace(message(2), room_id="other")).compare(ROOM, [message(1)]) == []


def test_a_thread_is_a_timeline_of_its_own():
    root, reply = message(1), replace(message(2), seq=1, thread_id="m1")
    ledger = acked(root, reply)
    assert ledger.list_threads(ROOM) == ["m1"]
    assert ledger.compare(ROOM, [root]) == ledger.compare(ROOM, [reply], "m1") == []
    assert ledger.compare(ROOM, [], "m1") == ["thread m1 of room room: 1 acked, but not stored: m2"]


def test_a_sender_whose_messages_stand_in_another_order_is_found():
    swapped = [replace(message(2), seq=1), message(3, BERT), replace(message(1), seq=3)]
    found = acked(message(1), message(2), message(3, BERT)).compare(
        ROOM, [replace(swapped[0]), replace(swapped[1], seq=2), swapped[2]]
    )
    assert found == ["room room: the messages of anna are not in the order of their acks"]


def test_an_acked_edit_deletion_or_reaction_that_is_missing_is_found():
    ledger = acked(message(1))
    promise = ledger.promises["m1"]
    promise.text = "edited"
    assert ledger.compare(ROOM, [message(1)]) == ["room room: message m1 says 'text 1', acked was 'edited'"]
    promise.text = "text 1"
    promise.reactions.add(("👍", BERT))
    reacted = replace(message(1), reactions=[Reaction("👍", 1, [BERT])])
    assert ledger.compare(ROOM, [message(1)]) == ["room room: message m1 lacks the reaction ('👍', 'bert')"]
    assert ledger.compare(ROOM, [reacted]) == []
    promise.is_deleted = True
    assert ledger.compare(ROOM, [reacted]) == ["room room: message m1 was acked as deleted and is there"]
    assert ledger.compare(ROOM, [replace(message(1), text="", deleted_at="now")]) == []


def test_a_deletion_that_nobody_asked_for_is_found():
    gone = replace(message(1), deleted_at="now")
    assert acked(message(1)).compare(ROOM, [gone]) == [
        "room room: message m1 is deleted, which nobody asked for"
    ]


def test_read_marks_move_forward_only_and_begin_anew_after_an_absence():
    ledger = Ledger()
    ledger.mark_read(ANNA, ROOM, 5)
    ledger.mark_read(ANNA, ROOM, 3)
    assert ledger.read_marks == {(ANNA, ROOM): 5}
    ledger.forget_mark(ANNA, ROOM)
    assert ledger.read_marks == {}
