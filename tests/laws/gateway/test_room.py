"""The law of an active room: whatever is lost, overtaken or slow, nobody is ever delivered past a gap.

Hypothesis drives a room and its healing over random schedules: the bus drops, doubles and reorders, readers
come, lag, look away and leave, the store knows the truth. In a second run three readers are a crowd.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.gateway.frames import split_frames
from services.gateway.hub import Hub
from services.gateway.outlet import QueueOutlet
from services.gateway.room import ActiveRoom
from services.gateway.stats import Stats
from shared.contracts import internal
from shared.contracts.entities import Member, Mentions, Message, Position, Room

ROOM_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
READERS = 4
NOBODY = 1_000


class Reader:
    """A subscriber that checks every frame it is given against where it stands."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.can_take = True
        self.outlet = QueueOutlet(self.write)
        self.focuses: bool | None = None
        self.rev: int | None = None
        self.told_rev = 0
        self.told_seq: int | None = 0
        self.is_mentioned = False
        """In a signal, since the last numbered frame."""

    def attends(self, _room_id: str) -> bool:
        return self.focuses is not False

    def take_snapshot(self, rev: int) -> None:
        self.rev, self.is_mentioned = rev, False

    def write(self, frames: bytes) -> None:
        for payload in split_frames(frames):
            frame = msgspec.json.decode(payload)
            assert self.rev is not None, "delivered before the snapshot was written, or after leaving"
            if frame["ev"] == "room.activity":
                self.take_activity(frame["d"])
                continue
            if frame["ev"] == "room.changes":
                assert frame["d"]["after_rev"] <= self.rev, "changes that begin after a gap"
                assert frame["rev"] >= self.rev, "changes that go back"
            else:
                assert frame["rev"] == self.rev + 1, "an event past a gap, or twice"
            self.take_snapshot(frame["rev"])

    def take_activity(self, activity: dict[str, Any]) -> None:
        assert not self.attends(ROOM_ID), "no more than a signal for one who looks"
        assert self.can_take, "a signal for a slow reader"
        assert activity["rev"] >= (self.rev or 0), "a signal of the past"
        self.told_rev, self.told_seq = activity["rev"], activity["last_seq"]
        self.is_mentioned |= activity["mentioned"]


def make_room(rev: int) -> Room:
    return Room(
        ROOM_ID, "public", "r", "", None, ROOM_ID, "", None, 1, rev, 1, rev, 1, {},
    )  # fmt: skip


def make_message(seq: int, rev: int, sender_id: str, mentioned: list[str]) -> Message:
    return Message(
        f"message-{seq}", ROOM_ID, seq, rev, None, None, sender_id, "text", "", None, Mentions(mentioned),
        [], [], 0, None, None, "", None, None,
    )  # fmt: skip


class Model:
    """The store: it is at `rev`, and says so."""

    def __init__(self) -> None:
        self.rev = 0
        self.messages: list[Message] = []
        self.left: dict[str, Member] = {}

    def commit(self, ev: str, data: msgspec.Struct) -> bytes:
        head = b'{"ev":"%b","room_id":"%b","epoch":1,"rev":%d,"d":' % (
            ev.encode(),
            ROOM_ID.encode(),
            self.rev,
        )
        return head + msgspec.json.encode(data) + b"}"

    def send(self, sender_id: str, mentioned: list[str]) -> bytes:
        self.rev += 1
        self.messages.append(make_message(len(self.messages) + 1, self.rev, sender_id, mentioned))
        return self.commit("message.created", self.messages[-1])

    def expel(self, user_id: str) -> bytes:
        self.rev += 1
        self.left[user_id] = Member(ROOM_ID, user_id, "member", "", "now", self.rev)
        return self.commit("member.left", self.left[user_id])

    def join(self, user_id: str) -> bytes:
        self.rev += 1
        del self.left[user_id]
        return self.commit("member.joined", Member(ROOM_ID, user_id, "member", "", None, self.rev))

    async def fetch(self, asked: internal.RoomAfter) -> internal.RoomChanged:
        behind = self.rev - asked.after_rev
        reset = asked.epoch != 1 or behind > 500 or behind < 0
        messages = [each for each in self.messages if each.rev > asked.after_rev]
        left = [each for each in self.left.values() if each.rev > asked.after_rev]
        return internal.RoomChanged(
            asked.after_rev, Position(1, self.rev), reset, messages, left, make_room(self.rev)
        )


class RoomMachine(RuleBasedStateMachine):
    crowd_size = NOBODY

    def __init__(self) -> None:
        super().__init__()
        self.store = Model()
        self.turn: list[Callable[[], None]] = []
        self.later: list[Callable[[], None]] = []
        self.hub = Hub(  # type: ignore[arg-type]  # only healing is driven
            bus=None, background=None, stats=Stats(), fetch=self.store.fetch, crowd_size=self.crowd_size
        )  # fmt: skip
        self.hub.on_left = self.on_left
        self.hub.on_reset = self.on_reset
        self.room = ActiveRoom(
            ROOM_ID, self.hub._budget, Stats(), crowd_size=self.crowd_size, schedule=self.turn.append,
            schedule_in=self.schedule_in, on_gap=lambda _room: None, on_left=self.hub.on_left,
            on_stale=self.hub.on_reset,
        )  # fmt: skip
        self.readers = [Reader(f"user-{index}") for index in range(READERS)]
        self.bus: list[bytes] = []
        self.snapshots: dict[Reader, int] = {}

    def on_reset(self, _room: ActiveRoom, subscribers: list[Any]) -> None:
        for reader in subscribers:
            reader.rev = None

    def on_left(self, room: ActiveRoom, user_id: str) -> None:
        for reader in self.readers:
            if reader.user_id == user_id and room.is_reached(reader):
                room.detach(reader)
                reader.rev = None

    def schedule_in(self, delay_s: float, call: Callable[[], None]) -> None:
        (self.later if delay_s else self.turn).append(call)

    def end_turn(self) -> None:
        for call in list(self.turn):
            self.turn.remove(call)
            call()

    @initialize(focuses=st.lists(st.sampled_from([None, True, False]), min_size=READERS, max_size=READERS))
    def begin(self, focuses: list[bool | None]) -> None:
        """Mostly there is somebody, and something has been said."""
        for index, reader in enumerate(self.readers):
            reader.focuses = focuses[index]
            self.attach(index)
            self.finish_sync(index)
        self.room.on_event(b"", self.store.send("somebody", []))

    @rule(count=st.integers(1, 5))
    def commit(self, count: int) -> None:
        self.bus += [self.store.send("somebody", []) for _ in range(count)]

    @rule(index=st.integers(0, READERS - 1))
    def mention(self, index: int) -> None:
        self.bus.append(self.store.send("somebody", [f"user-{index}"]))

    @rule(index=st.integers(0, READERS - 1))
    def expel(self, index: int) -> None:
        if f"user-{index}" not in self.store.left:
            self.bus.append(self.store.expel(f"user-{index}"))

    @rule(index=st.integers(0, READERS - 1), focuses=st.booleans())
    def look(self, index: int, focuses: bool) -> None:
        reader = self.readers[index]
        reader.focuses = focuses
        if focuses:
            self.room.attend(reader)
        else:
            self.room.rest(reader)

    @rule()
    def pass_time(self) -> None:
        self.end_turn()
        due, self.later = self.later, []
        for call in due:
            call()
        self.end_turn()

    @rule(data=st.data(), ends_turn=st.booleans())
    def deliver(self, data: st.DataObject, ends_turn: bool) -> None:
        if self.bus:
            index = data.draw(st.integers(0, min(3, len(self.bus) - 1)))
            self.room.on_event(b"", self.bus.pop(index))
        if ends_turn:
            self.end_turn()

    @rule()
    def deliver_twice(self) -> None:
        if self.bus:
            self.room.on_event(b"", self.bus[0])

    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        if self.bus:
            self.bus.pop(data.draw(st.integers(0, len(self.bus) - 1)))

    @rule(index=st.integers(0, READERS - 1))
    def attach(self, index: int) -> None:
        reader = self.readers[index]
        if reader.user_id in self.store.left:
            self.bus.append(self.store.join(reader.user_id))
        self.room.expect(reader)
        self.snapshots[reader] = self.store.rev

    @rule(index=st.integers(0, READERS - 1))
    def finish_sync(self, index: int) -> None:
        reader = self.readers[index]
        if reader in self.snapshots and reader in self.room.unplaced:
            reader.take_snapshot(self.snapshots.pop(reader))
            self.room.place(reader, 1, reader.rev)

    @rule(index=st.integers(0, READERS - 1))
    def become_slow(self, index: int) -> None:
        self.readers[index].can_take = False
        self.room.lag(self.readers[index])

    @rule(index=st.integers(0, READERS - 1))
    def drain(self, index: int) -> None:
        self.readers[index].can_take = True
        self.room.resume(self.readers[index])

    @rule(index=st.integers(0, READERS - 1))
    def leave(self, index: int) -> None:
        self.room.detach(self.readers[index])
        self.snapshots.pop(self.readers[index], None)

    @rule()
    def heal(self) -> None:
        if self.room.cursor is not None:
            asyncio.run(self.hub._heal_once(self.room))

    @rule()
    def audit(self) -> None:
        cursor = self.room.cursor
        if cursor is not None and cursor.rev < self.store.rev:
            self.room.is_suspect = True
            asyncio.run(self.hub._heal_once(self.room))

    @invariant()
    def everybody_stands_in_one_place(self) -> None:
        room = self.room
        places = [*room.live, *room.behind, *room.ahead, *room.unplaced, *self.resting]
        assert len(places) == len(set(places)) == room.size

    @precondition(lambda self: self.room.crowd is not None)
    @invariant()
    def in_a_crowd_nobody_who_looks_elsewhere_hears_everything(self) -> None:
        assert all(reader.attends(ROOM_ID) for reader in self.room.live)
        assert not any(reader.attends(ROOM_ID) for reader in self.resting)

    @property
    def resting(self) -> dict[Any, int]:
        return self.room.crowd.resting if self.room.crowd is not None else {}

    def check_those_who_rest(self) -> None:
        """They stand where they were told to, and know that there is more, and whether it concerns them."""
        newest = max((each.rev for each in self.store.messages), default=0)
        for reader, rev in self.resting.items():
            assert reader.rev == rev
            if rev < self.store.rev:
                assert reader.told_rev == self.store.rev
            if rev < newest:
                assert reader.told_seq == len(self.store.messages)
            missed = [each for each in self.store.messages if each.rev > rev]
            if any(reader.user_id in each.mentions.user_ids for each in missed):
                assert reader.is_mentioned

    def teardown(self) -> None:
        """Once all drain, look and the store is asked, everybody who is placed has all of it."""
        self.end_turn()
        for reader in self.readers:
            reader.can_take = True
            self.room.resume(reader)
        self.heal_all()
        self.pass_time()
        self.pass_time()
        self.check_those_who_rest()
        for index in range(READERS):
            self.look(index, focuses=True)
        self.heal_all()
        assert not self.resting
        for reader in self.room.live:
            assert reader.rev == self.store.rev
        assert not self.room.behind
        assert not self.room.ahead

    def heal_all(self) -> None:
        for _ in range(10):
            if self.room.cursor is not None:
                self.room.is_suspect = self.room.cursor.rev < self.store.rev
                asyncio.run(self.hub._heal_once(self.room))
        self.end_turn()


class CrowdMachine(RoomMachine):
    crowd_size = 3


TestRoomMachine = RoomMachine.TestCase
TestCrowdMachine = CrowdMachine.TestCase
for case in (TestRoomMachine, TestCrowdMachine):
    case.settings = settings(max_examples=150, stateful_step_count=60, deadline=None, derandomize=True)
