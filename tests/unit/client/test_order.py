"""The order of a room's events for a consumer: whatever the arrivals, each event out once, in order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcraft_client.consume.order import Arrival, Place, RoomOrder, Verdict
from chatcraft_client.consume.selection import Share, is_match, name_durable, widen
from chatcraft_client.frames import Event
from shared.ids import new_id

ROOM = new_id()


def arrival(rev: int, stream_seq: int | None = None, epoch: int = 1) -> Arrival:
    event = Event("message.created", None, ROOM, epoch, rev)
    return Arrival(f"chat.room.{ROOM}.message.created", b"", event, Place(epoch, rev), stream_seq or rev, "")


@given(
    arrivals=st.lists(st.integers(1, 8), min_size=1, max_size=30),
    finishing=st.randoms(use_true_random=False),
)
def test_in_whatever_order_and_however_often_they_arrive_each_is_out_once_in_order(
    arrivals: list[int], finishing: random.Random
):
    order, taken = RoomOrder(Place(1, 0)), []
    for seq, rev in enumerate([*arrivals, *range(1, 9)]):
        order.put(arrival(rev, seq + 1))
        if finishing.random() < 0.5 and order.out is not None:
            order.finish()
        if (out := order.take()) is not None:
            taken.append(out.place.rev)
    while order.out is not None:
        order.finish()
        if (out := order.take()) is not None:
            taken.append(out.place.rev)
    assert taken == list(range(1, 9))
    assert not order.held


def test_nothing_of_a_room_is_out_beside_another():
    order = RoomOrder(Place(1, 0))
    order.put(arrival(1))
    order.put(arrival(2))
    assert order.take().place == Place(1, 1)
    assert order.take() is None
    order.finish()
    assert order.take().place == Place(1, 2)


def test_what_is_in_somebodys_hands_is_not_acknowledged_when_it_comes_again():
    order = RoomOrder(Place(1, 0))
    order.put(arrival(1))
    order.take()
    assert order.put(arrival(1)) is Verdict.UNDER_WAY
    order.finish()
    assert order.put(arrival(1)) is Verdict.REPEATED


def test_a_held_event_that_comes_again_replaces_itself_and_a_double_in_the_stream_does_not():
    order = RoomOrder(Place(1, 0))
    order.put(arrival(2, 7))
    assert order.put(arrival(2, 7)) is Verdict.KEPT
    assert order.put(arrival(2, 9)) is Verdict.REPEATED


def test_an_unknown_room_begins_with_the_first_that_is_held():
    order = RoomOrder(None)
    order.put(arrival(18))
    order.put(arrival(17))
    assert order.take() is None
    order.begin()
    assert order.take().place == Place(1, 17)


def test_what_stands_for_a_gap_covers_what_is_held_up_to_it():
    order = RoomOrder(Place(1, 3))
    for rev in (6, 7, 9):
        order.put(arrival(rev))
    covered = order.skip_to(Place(1, 8))
    assert [each.place.rev for each in covered] == [6, 7]
    order.finish()
    assert order.take().place == Place(1, 9)


def test_an_older_epoch_is_repeated_and_a_higher_one_waits():
    order = RoomOrder(Place(2, 5))
    assert order.put(arrival(9, epoch=1)) is Verdict.REPEATED
    assert order.put(arrival(2, epoch=3)) is Verdict.KEPT
    assert order.take() is None
    assert order.is_waiting


@pytest.mark.parametrize(
    ("pattern", "is_wanted"),
    [
        ("chat.room.>", True),
        ("chat.room.*.message.created", True),
        ("chat.room.*.message.*", True),
        ("chat.room.*.message", False),
        ("chat.room.*.message.created.>", False),
        ("chat.room.*.member.*", False),
        pytest.param(f"chat.room.{ROOM}.>", True, id="this room"),
        pytest.param(f"chat.room.{new_id()}.>", False, id="another room"),
    ],
)
def test_subjects_select_as_nats_does(pattern: str, is_wanted: bool):
    assert is_match(pattern, f"chat.room.{ROOM}.message.created") is is_wanted


def test_rooms_are_read_whole_whatever_is_wanted_of_them():
    assert widen(["chat.room.*.message.created"]) == ["chat.room.>"]
    assert widen([f"chat.room.{ROOM}.message.created"]) == [f"chat.room.{ROOM}.>"]
    for bad in ("rpc.>", "chat.>", "chat.room", "chat.user.*.>", "chat.room..x"):
        with pytest.raises(ValueError, match="not below"):
            widen([bad])


def test_every_room_is_in_exactly_one_share_and_all_shares_have_some():
    rooms = [new_id() for _ in range(400)]
    counts = [sum(Share(index, 4).has(room) for room in rooms) for index in range(4)]
    assert sum(counts) == 400
    assert min(counts) > 50


def test_a_durables_name_can_stand_in_a_subject():
    assert name_durable("alerts", Share(1, 4)) == "alerts-1-of-4"
    for bad in ("", "a.b", "a b", "*", "x" * 49):
        with pytest.raises(ValueError, match="durable's name"):
            name_durable(bad, None)
    with pytest.raises(ValueError, match="share"):
        name_durable("alerts", Share(4, 4))
