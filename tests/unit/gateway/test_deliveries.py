"""What a node says of an event that it delivered, or did not."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from services.gateway.deliveries import Deliveries
from services.gateway.frames import room_event_payload
from services.gateway.outlet import QueueOutlet
from services.gateway.ring import RingBudget
from services.gateway.room import ActiveRoom
from services.gateway.stats import Stats
from shared.clock import from_wire
from shared.contracts.entities import Empty
from shared.contracts.internal import GetDelivery
from shared.ids import new_id

ROOM = new_id()
EPOCH = 3


class Listener:
    user_id = "anna"
    can_take = True
    outlet = QueueOutlet(lambda _frames: None)


class Setting:
    """A node with one room, at rev 10, and as many listeners as asked for."""

    def __init__(self, listeners: int) -> None:
        self.stats = Stats()
        self.turn: list[Callable[[], None]] = []
        self.room = ActiveRoom(
            ROOM,
            RingBudget(),
            self.stats,
            crowd_size=1_000,
            schedule=self.turn.append,
            schedule_in=lambda _s, _call: None,
            on_gap=lambda _: None,
            on_left=lambda *_: None,
            on_stale=lambda *_: None,
        )
        for _ in range(listeners):
            listener = Listener()
            self.room.expect(listener)
            self.room.place(listener, EPOCH, 10)
        hub: Any = type("Hub", (), {"rooms_by_id": {ROOM: self.room}})()
        bus: Any = type("Bus", (), {"instance": "node"})()
        clock: Any = type("Clock", (), {"now": lambda _: datetime.now(UTC)})()
        self.deliveries = Deliveries(bus, hub, self.stats, clock)

    def receive(self, *revs: int) -> None:
        """Take events that come in one turn of the loop."""
        for rev in revs:
            self.room.on_event(b"", room_event_payload("message.created", ROOM, EPOCH, rev, Empty()))
        for call in self.turn:
            call()
        self.turn.clear()

    def ask(self, rev: int, epoch: int = EPOCH) -> Any:
        return self.deliveries.find(GetDelivery(ROOM, epoch, rev))


def test_each_event_of_a_write_is_told_of_with_its_time_and_its_recipients():
    setting = Setting(listeners=3)
    before = datetime.now(UTC)
    setting.receive(11, 12)
    setting.receive(13)
    for rev, together in ((11, 2), (12, 2), (13, 1)):
        told = setting.ask(rev)
        assert (told.state, told.written_to, told.together, told.listeners) == ("written", 3, together, 3)
        assert abs((from_wire(told.written_at) - before).total_seconds()) < 10


def test_what_has_not_come_and_what_came_before_the_node_listened_are_told_apart():
    setting = Setting(listeners=1)
    setting.receive(11)
    assert setting.ask(12).state == "not_yet"
    assert setting.ask(1, epoch=EPOCH + 1).state == "not_yet"
    assert setting.ask(10).state == "passed"
    assert setting.ask(11, epoch=EPOCH - 1).state == "passed"


def test_where_the_write_is_forgotten_the_ring_still_knows_that_there_was_one():
    setting = Setting(listeners=1)
    setting.receive(11)
    setting.stats.writes_kept.clear()
    told = setting.ask(11)
    assert (told.state, told.written_at) == ("written", None)


def test_a_room_that_nobody_here_hears_is_said_to_be_one():
    setting = Setting(listeners=1)
    told = setting.deliveries.find(GetDelivery(new_id(), EPOCH, 1))
    assert (told.state, told.listeners) == ("no_listener", 0)


def test_what_is_kept_is_bounded():
    setting = Setting(listeners=1)
    assert setting.stats.writes_kept.maxlen is not None
    for rev in range(11, 11 + setting.stats.writes_kept.maxlen + 5):
        setting.receive(rev)
    assert len(setting.stats.writes_kept) == setting.stats.writes_kept.maxlen
