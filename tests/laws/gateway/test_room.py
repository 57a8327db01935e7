"""The law of an active room: whatever is lost, overtaken or slow, nobody is ever delivered past a gap.

Hypothesis drives a room and its healing over random schedules. The bus may drop, double and reorder
events; readers come, lag, drain and go; the store always knows the truth.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.gateway.frames import split_frames
from services.gateway.hub import Hub
from services.gateway.room import ActiveRoom
from services.gateway.stats import Stats
from shared.contracts import internal
from shared.contracts.entities import Position, Room

ROOM_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
READERS = 3


class Reader:
    """A subscriber that checks every frame it is given against where it stands."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.can_take = True
        self.rev: int | None = None
        self.known: dict[str, int] = {}

    def write(self, frames: bytes) -> None:
        for payload in split_frames(frames):
            frame = msgspec.json.decode(payload)
            assert self.rev is not None, "delivered before the snapshot was written"
            if frame["ev"] == "room.changes":
                assert frame["d"]["after_rev"] <= self.rev, "changes that begin after a gap"
                assert frame["rev"] >= self.rev, "changes that go back"
            else:
                assert frame["rev"] == self.rev + 1, "an event past a gap, or twice"
            self.rev = frame["rev"]


def make_room(rev: int) -> Room:
    return Room(
        ROOM_ID, "public", "r", "", None, ROOM_ID, "", None, 1, rev, 1, rev, 1, {},
    )  # fmt: skip


class Model:
    """The store: it is at `rev`, and says so."""

    def __init__(self) -> None:
        self.rev = 0

    async def fetch(self, asked: internal.RoomAfter) -> internal.RoomChanged:
        behind = self.rev - asked.after_rev
        reset = asked.epoch != 1 or behind > 500 or behind < 0
        return internal.RoomChanged(
            asked.after_rev, Position(1, self.rev), reset, [], [], make_room(self.rev)
        )


class RoomMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = Model()
        self.turn: list[Callable[[], None]] = []
        self.hub = Hub(bus=None, background=None, stats=Stats(), fetch=self.store.fetch)  # type: ignore[arg-type]  # only healing is driven
        self.hub.on_left = lambda _room, _user_id: None
        self.hub.on_reset = self.on_reset
        self.room = ActiveRoom(
            ROOM_ID, self.hub._budget, Stats(), schedule=self.turn.append, on_gap=lambda _room: None,
            on_left=self.hub.on_left,
        )  # fmt: skip
        self.readers = [Reader(f"user-{index}") for index in range(READERS)]
        self.bus: list[bytes] = []
        self.snapshots: dict[Reader, int] = {}

    def on_reset(self, _room: ActiveRoom, subscribers: list[Any]) -> None:
        for reader in subscribers:
            reader.rev = None

    def end_turn(self) -> None:
        for call in list(self.turn):
            self.turn.remove(call)
            call()

    @rule(count=st.integers(1, 5))
    def commit(self, count: int) -> None:
        for _ in range(count):
            self.store.rev += 1
            self.bus.append(
                b'{"ev":"message.created","room_id":"%b","epoch":1,"rev":%d,"d":{}}'
                % (ROOM_ID.encode(), self.store.rev)
            )

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
        self.room.expect(reader)
        self.snapshots[reader] = self.store.rev

    @rule(index=st.integers(0, READERS - 1))
    def finish_sync(self, index: int) -> None:
        reader = self.readers[index]
        if reader in self.snapshots and reader in self.room.unplaced:
            reader.rev = self.snapshots.pop(reader)
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
        places = [*room.live, *room.behind, *room.ahead, *room.unplaced]
        assert len(places) == len(set(places))

    def teardown(self) -> None:
        """Once all drain and the store is asked, everybody who is placed has all of it."""
        self.end_turn()
        for reader in self.readers:
            reader.can_take = True
            self.room.resume(reader)
        for _ in range(10):
            if self.room.cursor is not None:
                self.room.is_suspect = self.room.cursor.rev < self.store.rev
                asyncio.run(self.hub._heal_once(self.room))
        self.end_turn()
        for reader in self.room.live:
            assert reader.rev == self.store.rev
        assert not self.room.behind
        assert not self.room.ahead


TestRoomMachine = RoomMachine.TestCase
TestRoomMachine.settings = settings(max_examples=150, stateful_step_count=60, deadline=None, derandomize=True)
