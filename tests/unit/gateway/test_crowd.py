"""A crowded room: who looks elsewhere hears activity alone, now and then, and catches up on looking."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from services.gateway.crowd import TELL_S
from services.gateway.frames import split_frames
from services.gateway.outlet import QueueOutlet
from services.gateway.ring import RingBudget
from services.gateway.room import ActiveRoom
from services.gateway.stats import Stats
from services.gateway.subscriber import Subscriber

ROOM_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
SIZE = 5


class Device:
    """A connection that keeps what it was written."""

    def __init__(self, user_id: str, *, looks: bool | None = None) -> None:
        self.user_id = user_id
        self.can_take = True
        self.looks = looks
        """None: never said where it looks."""
        self.frames: list[dict[str, Any]] = []
        self.outlet = QueueOutlet(self.write)

    def attends(self, room_id: str) -> bool:
        assert room_id == ROOM_ID
        return self.looks is not False

    def write(self, frames: bytes) -> None:
        self.frames += [msgspec.json.decode(payload) for payload in split_frames(frames)]

    @property
    def revs(self) -> list[int]:
        return [frame["rev"] for frame in self.frames if "rev" in frame]

    def take_activities(self) -> list[dict[str, Any]]:
        """Return the signals since the last call."""
        found = [frame["d"] for frame in self.frames if frame["ev"] == "room.activity"]
        self.frames = [frame for frame in self.frames if frame["ev"] != "room.activity"]
        return found


class Room:
    """An active room whose clock is the test's, and the bus that feeds it."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.due: list[tuple[float, Callable[[], None]]] = []
        self.gaps = 0
        self.stale: list[Subscriber] = []
        self.stats = Stats()
        self.rev = 0
        self.seq = 0
        self.active = ActiveRoom(
            ROOM_ID, RingBudget(), self.stats, crowd_size=SIZE,
            schedule=lambda call: self.schedule_in(0, call),
            schedule_in=self.schedule_in, on_gap=self.on_gap, on_left=self.on_left, on_stale=self.on_stale,
        )  # fmt: skip

    def schedule_in(self, delay_s: float, call: Callable[[], None]) -> None:
        self.due.append((self.now_s + delay_s, call))

    def on_gap(self, _room: ActiveRoom) -> None:
        self.gaps += 1

    def on_stale(self, _room: ActiveRoom, subscribers: list[Subscriber]) -> None:
        self.stale += subscribers

    def on_left(self, room: ActiveRoom, user_id: str) -> None:
        for device in [*room.live, *room.behind, *(room.crowd.resting if room.crowd else ())]:
            if device.user_id == user_id:
                room.detach(device)

    def come(self, *devices: Device) -> None:
        for device in devices:
            self.active.expect(device)
            self.active.place(device, 1, self.rev)

    def happen(self, ev: str, data: dict[str, Any]) -> None:
        self.rev += 1
        event = {"ev": ev, "room_id": ROOM_ID, "epoch": 1, "rev": self.rev, "d": data | {"rev": self.rev}}
        self.active.on_event(b"", msgspec.json.encode(event))

    def send(
        self, *mentioned: str, sender_id: str = "somebody", room: bool = False, thread: str | None = None
    ) -> None:
        self.seq += thread is None
        mentions = {"user_ids": list(mentioned), "room": room, "here": False}
        seq = self.seq if thread is None else 1
        self.happen(
            "message.created", {"seq": seq, "sender_id": sender_id, "thread_id": thread, "mentions": mentions}
        )

    def pass_time(self, seconds: float = 0) -> None:
        end_s = self.now_s + seconds
        while True:
            ready = [each for each in self.due if each[0] <= end_s]
            if not ready:
                break
            self.due = [each for each in self.due if each[0] > end_s]
            for due_s, call in sorted(ready, key=lambda each: each[0]):
                self.now_s = max(self.now_s, due_s)
                call()
        self.now_s = end_s

    def look(self, device: Device, looks: bool) -> None:
        device.looks = looks
        if looks:
            self.active.attend(device)
        else:
            self.active.rest(device)


@pytest.fixture
def room() -> Room:
    """Somebody was here when the first message came, so that it is known."""
    made, first = Room(), Device("first")
    made.come(first)
    made.send()
    made.active.detach(first)
    made.pass_time()
    return made


@pytest.fixture
def crowd(room: Room) -> list[Device]:
    """Three of each kind: who never said where they look, who look here, who look elsewhere."""
    kinds = {"old": None, "here": True, "away": False}
    devices = [Device(f"{name}-{index}", looks=looks) for name, looks in kinds.items() for index in range(3)]
    room.come(*devices)
    assert room.active.crowd is not None
    return devices


def activity(rev: int, last_seq: int | None = None, **more: Any) -> dict[str, Any]:
    return {"rev": rev, "last_seq": last_seq or rev, "mentioned": False, "sent_seq": None} | more


def test_only_who_looks_elsewhere_and_said_so_is_spared_the_events(room, crowd):
    for _ in range(3):
        room.send()
    room.pass_time()
    assert [device.revs for device in crowd] == [[2, 3, 4]] * 6 + [[]] * 3


def test_activity_is_told_at_once_and_then_gathered(room, crowd):
    away = crowd[-1]
    room.send()
    room.pass_time()
    assert away.take_activities() == [activity(2)]
    for _ in range(5):
        room.send()
        room.pass_time(TELL_S / 10)
    assert away.take_activities() == []
    room.pass_time(TELL_S)
    assert away.take_activities() == [activity(7)]
    room.pass_time(10 * TELL_S)
    assert away.take_activities() == []


def test_an_event_writes_to_nobody_who_looks_elsewhere(room, crowd):
    room.send()
    room.pass_time()
    before = room.stats.activities
    for _ in range(100):
        room.send()
    room.active.flush()
    assert room.stats.activities == before
    room.pass_time(TELL_S)
    assert room.stats.activities == before + 3


def test_a_mention_by_name_is_told_at_once_on_all_devices_of_that_user_alone(room, crowd):
    tablet = Device("away-1", looks=False)
    room.come(tablet)
    room.send()
    room.pass_time()
    for device in (*crowd, tablet):
        device.take_activities()
    room.send("away-1", "here-1")
    assert [device.take_activities() for device in (*crowd[-3:], tablet)] == [
        [], [activity(3, mentioned=True)], [], [activity(3, mentioned=True)],
    ]  # fmt: skip
    assert crowd[4].take_activities() == []


def test_a_mention_in_a_thread_is_told_and_counts_for_no_last_seq(room, crowd):
    room.send("away-0", thread="root")
    assert crowd[6].take_activities() == [activity(2, last_seq=1, mentioned=True)]


def test_who_mentions_themselves_is_not_told(room, crowd):
    room.send("away-0", sender_id="away-0")
    assert crowd[6].take_activities() == []


def test_a_mention_of_the_room_is_told_with_the_next_signal_to_all_but_its_sender(room, crowd):
    room.send(sender_id="away-0", room=True)
    assert crowd[7].take_activities() == []
    room.pass_time()
    assert [device.take_activities() for device in crowd[6:]] == [
        [activity(2, sent_seq=2)], [activity(2, mentioned=True)], [activity(2, mentioned=True)],
    ]  # fmt: skip
    room.send()
    room.pass_time(TELL_S)
    assert crowd[7].take_activities() == [activity(3)]


def test_ones_own_message_from_another_device_says_what_is_read(room, crowd):
    room.send(sender_id="away-2")
    room.send()
    room.pass_time()
    assert [device.take_activities() for device in crowd[7:]] == [[activity(3)], [activity(3, sent_seq=2)]]


def test_a_slow_reader_is_told_nothing_until_it_has_drained_and_then_all_of_it(room, crowd):
    slow = crowd[-1]
    slow.can_take = False
    room.send(slow.user_id)
    room.send(sender_id=slow.user_id)
    room.pass_time(3 * TELL_S)
    assert slow.frames == []
    slow.can_take = True
    assert room.active.resume(slow)
    assert slow.take_activities() == [activity(3, mentioned=True, sent_seq=3)]
    assert room.active.resume(slow)
    assert slow.frames == []


def test_who_looks_again_gets_what_it_missed_and_then_everything(room, crowd):
    away = crowd[-1]
    for _ in range(4):
        room.send()
    room.look(away, looks=True)
    assert away.revs == [2, 3, 4, 5]
    room.send()
    room.pass_time()
    assert away.revs == [2, 3, 4, 5, 6]
    assert away.take_activities() == []


def test_who_looks_again_after_more_than_the_ring_has_is_healed_from_the_store(room, crowd):
    away = crowd[-1]
    room.send()
    room.active.flush()
    room.active.ring.clear()
    room.look(away, looks=True)
    assert (away.revs, room.gaps, room.active.behind[away]) == ([], 1, 1)


def test_who_looks_again_too_late_to_catch_up_reloads_without_asking_the_store(room, crowd):
    away = crowd[-1]
    for _ in range(501):
        room.send()
    room.look(away, looks=True)
    assert (away.revs, room.gaps, room.stale) == ([], 0, [away])
    room.active.place(away, 1, room.rev)
    room.send()
    room.pass_time()
    assert away.revs == [503]


def test_who_looks_away_got_what_came_before_and_nothing_after(room, crowd):
    here = crowd[3]
    room.send()
    room.look(here, looks=False)
    room.send()
    room.pass_time()
    assert here.revs == [2]
    assert here.take_activities() == [activity(3)]


def test_looking_elsewhere_means_nothing_in_a_room_that_is_no_crowd(room):
    devices = [Device(f"user-{index}", looks=False) for index in range(SIZE - 1)]
    room.come(*devices)
    room.send()
    room.pass_time()
    assert [device.revs for device in devices] == [[2]] * (SIZE - 1)
    assert not any(device.take_activities() for device in devices)


def test_a_room_that_becomes_a_crowd_loses_nothing_on_the_way(room):
    devices = [Device(f"user-{index}", looks=False) for index in range(SIZE - 1)]
    room.come(*devices)
    room.send()
    room.come(Device("one-more", looks=False))
    room.send()
    room.pass_time()
    assert [device.revs for device in devices] == [[2]] * (SIZE - 1)
    assert devices[0].take_activities() == [activity(3)]
    assert room.active.crowd.resting[devices[0]] == 2


def test_a_crowd_that_has_lost_a_fifth_ends_with_the_next_event_and_all_catch_up(room):
    devices = [Device(f"user-{index}", looks=False) for index in range(SIZE)]
    room.come(*devices)
    room.send()
    room.pass_time(2 * TELL_S)
    room.active.detach(devices[4])
    room.send()
    room.pass_time(2 * TELL_S)
    assert room.active.crowd is not None  # one fewer than it takes is not yet too few
    room.active.detach(devices[3])
    room.send()
    room.pass_time()
    assert room.active.crowd is None
    assert [device.revs for device in devices[:3]] == [[2, 3, 4]] * 3
    room.send()
    room.pass_time()
    assert devices[0].revs == [2, 3, 4, 5]


def test_who_comes_with_an_older_snapshot_is_told_at_once_what_it_lacks(room, crowd):
    room.send("late")
    late = Device("late", looks=False)
    room.active.expect(late)
    room.active.place(late, 1, 1)
    assert late.take_activities() == [activity(2, mentioned=True)]
    assert room.active.crowd.resting[late] == 1


def test_ones_own_leaving_reaches_who_looks_elsewhere_and_nothing_after_it(room, crowd):
    away = crowd[-1]
    room.send()
    room.happen("member.left", {"user_id": away.user_id})
    room.send()
    room.pass_time(2 * TELL_S)
    assert away.revs == [2, 3]
    assert away.take_activities() == []
    assert away not in room.active.crowd.resting


def test_who_left_while_its_snapshot_was_under_way_hears_that_and_does_not_rest(room, crowd):
    away = crowd[-1]
    room.active.expect(away)
    room.send()
    room.happen("member.left", {"user_id": away.user_id})
    room.active.place(away, 1, 1)
    assert away.revs == [2, 3]
    assert not room.active.is_reached(away)
    room.send()
    room.pass_time(2 * TELL_S)
    assert away.frames == [frame for frame in away.frames if "rev" in frame]
    assert away.revs == [2, 3]


def test_of_changes_that_hold_ones_leaving_nothing_is_told(room, crowd):
    away = crowd[-1]
    rows = {"after_rev": 1, "messages": [], "members": []}
    changes = {"ev": "room.changes", "room_id": ROOM_ID, "epoch": 1, "rev": 9, "d": rows}
    room.active.heal(1, 9, msgspec.json.encode(changes), [(away.user_id, 4)])
    room.pass_time()
    assert away.frames == []
    assert not room.active.is_reached(away)


def test_a_reset_concerns_also_those_who_look_elsewhere(room, crowd):
    room.send("away-0")
    assert room.active.reset(2, 1) == [*crowd]
    assert (room.active.crowd.resting, room.active.size) == ({}, len(crowd))
    room.pass_time(2 * TELL_S)
    assert crowd[7].frames == []
    room.active.place(crowd[7], 2, 1)
    assert crowd[7] in room.active.crowd.resting


def test_changes_that_heal_the_node_are_activity_with_their_mentions(room, crowd):
    message = {"seq": 2, "rev": 3, "sender_id": "somebody", "thread_id": None,
               "mentions": {"user_ids": ["away-0"], "room": False, "here": False}}  # fmt: skip
    old = message | {"seq": 1, "mentions": {"user_ids": ["away-1"], "room": False, "here": False}}
    rows = {"after_rev": 1, "messages": [old, message], "members": []}
    changes = {"ev": "room.changes", "room_id": ROOM_ID, "epoch": 1, "rev": 3, "d": rows}
    room.active.heal(1, 3, msgspec.json.encode(changes), [])
    room.pass_time()
    assert crowd[6].take_activities()[0] == activity(3, last_seq=2, mentioned=True)
    assert crowd[7].take_activities() == [activity(3, last_seq=2)]


def test_a_crowd_is_not_told_who_types(room, crowd):
    room.active.on_signal(b"", b'{"ev":"typing.changed","room_id":"r","d":{}}')
    assert not any(device.frames for device in crowd)
    room.active.on_signal(b"", b'{"ev":"another.signal","room_id":"r","d":{}}')
    assert [len(device.frames) for device in crowd] == [1] * 6 + [0] * 3


def test_who_goes_while_resting_leaves_nothing_behind(room, crowd):
    for device in crowd:
        room.active.detach(device)
    assert room.active.size == 0
    room.send("away-0", room=True)
    room.pass_time(2 * TELL_S)
    assert not any(device.frames for device in crowd)
