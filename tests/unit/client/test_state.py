"""Old state + changes + events = fresh snapshot, over any schedule of cuts; and what is new on the way."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chatcraft_client import Event, State, find_differences
from chatcraft_client.frames import decode_frame, to_event
from chatcraft_client.room_state import Verdict
from shared.contracts.entities import Mentions
from shared.contracts.events import RoomActivity, RoomRemoved, RoomReset
from shared.contracts.sync import Synced
from tests.unit.client.shapes import ME, ROOM, ServerRoom, at, user_id

WRITE = ("send", "send_other", "edit", "delete", "join", "leave", "rename", "expire")
DELIVER = ("deliver", "lose", "lag", "sync", "sync_only_reset")
STEPS = st.lists(st.tuples(st.sampled_from(WRITE + DELIVER), st.integers(0, 40)), max_size=60)


class Follower:
    """A client behind a server that delivers, loses and joins events as the protocol allows."""

    def __init__(self) -> None:
        self.server = ServerRoom()
        self.state = State()
        self.pending: list[Event] = []
        self.seen_new: list[int] = []
        self.present: set[int] = set()
        self.sync()

    def sync(self) -> None:
        held = self.state.positions().get(ROOM)
        self.pending.clear()
        events = self.state.take_synced(Synced([self.server.element(held)], [], None))
        self._note(events)

    def deliver(self) -> None:
        for event in self.pending:
            assert self.state.apply(event) is Verdict.APPLIED
        self._note(self.pending)
        self.pending = []

    def lag(self) -> None:
        """The node let the client fall behind and joins what it missed."""
        if self.pending:
            assert self.pending[0].rev
            changes = self.server.changes(self.pending[0].rev - 1)
            self.pending.clear()
            assert self.state.apply(changes) is Verdict.APPLIED
            self._note([changes])
            self.state.apply(self.server.mark())  # a user's own events are never dropped

    def write(self, step: str, number: int) -> None:
        server = self.server
        match step:
            case "send":
                self.pending.append(server.send())
            case "send_other":
                self.pending.append(server.send(user_id(2)))
            case "edit" | "delete" if server.messages:
                change = (
                    server.edit(number, f"v{server.room.rev}") if step == "edit" else server.delete(number)
                )
                self.pending.append(change)
            case "join" if number + 100 not in self.present:
                self.present.add(number + 100)
                self.pending.append(server.join(number + 100))
            case "leave" if self.present:
                gone = sorted(self.present)[number % len(self.present)]
                self.present.remove(gone)
                self.pending.append(server.leave(gone))
            case "expire" if server.messages:
                self.pending += [server.expire(number), server.mark()]
            case "rename":
                self.pending.append(server.rename(f"name {number}"))

    def step(self, step: str, number: int) -> None:
        match step:
            case "deliver":
                self.deliver()
            case "lag":
                self.lag()
            case "lose" | "sync":
                self.sync()
            case "sync_only_reset":
                self.state.apply(Event("room.reset", RoomReset(ROOM), user_rev=1))
                self.sync()
            case _:
                self.write(step, number)

    def _note(self, events: list[Event]) -> None:
        for event in events:
            self.seen_new += [message.seq for message in event.new_messages]


@given(STEPS)
def test_what_is_held_equals_a_fresh_snapshot_after_any_schedule(steps):
    follower = Follower()
    for step, number in steps:
        follower.step(step, number)
    follower.deliver()
    held = follower.state.rooms[ROOM]
    assert find_differences(held, follower.server.element()) == []
    assert held.members.keys() <= follower.server.members.keys()
    assert all(follower.server.members[key] == member for key, member in held.members.items())
    assert (follower.state.gaps, follower.state.repeats) == (0, 0)
    assert follower.seen_new == sorted(set(follower.seen_new))


@given(STEPS)
def test_without_resets_every_message_that_stayed_is_new_exactly_once(steps):
    follower = Follower()
    for step, number in steps:
        if step not in {"delete", "sync_only_reset", "expire"}:
            follower.step(step, number)
    follower.deliver()
    assert follower.seen_new == list(range(1, follower.server.room.last_seq + 1))


def test_a_gap_is_counted_and_the_room_is_asked_for_anew():
    follower = Follower()
    follower.server.send()
    late = follower.server.send()
    assert follower.state.apply(late) is Verdict.GAP
    assert follower.state.gaps == 1
    assert follower.state.positions()[ROOM].epoch == 0
    assert follower.state.apply(follower.server.send()) is Verdict.REPEATED
    follower.sync()
    assert find_differences(follower.state.rooms[ROOM], follower.server.element()) == []


def test_a_repeated_frame_is_counted_and_changes_nothing():
    follower = Follower()
    event = follower.server.send()
    follower.state.apply(event)
    assert follower.state.apply(replace_text(event)) is Verdict.REPEATED
    assert follower.state.repeats == 1
    assert follower.state.rooms[ROOM].timeline[0].text == "hello"


def replace_text(event: Event) -> Event:
    return Event(event.name, replace(event.data, text="forged"), event.room_id, event.epoch, event.rev)


def test_an_event_of_a_newer_server_counts_without_being_understood():
    follower = Follower()
    unknown = follower.server.rename("x")
    assert follower.state.apply(Event("room.tinted", None, ROOM, 1, unknown.rev)) is Verdict.APPLIED
    assert follower.state.apply(follower.server.send()) is Verdict.APPLIED


def test_another_epoch_voids_what_is_held():
    follower = Follower()
    follower.pending.append(follower.server.send())
    follower.deliver()
    follower.server.messages.clear()
    follower.server.reset_epoch()
    assert follower.state.apply(follower.server.rename("after the restore")) is Verdict.RELOAD
    follower.sync()
    assert follower.state.rooms[ROOM].timeline == []


def test_the_first_message_of_a_conversation_is_new_though_the_news_of_it_comes_later():
    state, server = State(), ServerRoom()
    server.send(user_id(2))
    element = replace(server.element(), membership=replace(server.membership, joined_at=at(1)))
    added = Event("room.added", element, user_rev=1)
    state.apply(added)
    assert [message.seq for message in added.new_messages] == [1]
    assert state.apply(server.send(user_id(2))) is Verdict.APPLIED


def test_a_conversation_begun_while_the_client_was_away_is_new_and_what_was_there_at_first_is_not():
    at_first, later = State(), State()
    later.is_complete = True
    server = ServerRoom()
    server.send(user_id(2))
    element = replace(server.element(), membership=replace(server.membership, joined_at=at(1)))
    for state, count in ((at_first, 0), (later, 1)):
        [event] = state.take_synced(Synced([element], [], None))
        assert len(event.new_messages) == count


def test_read_marks_of_other_devices_count_and_older_ones_are_ignored():
    follower = Follower()
    follower.pending += [follower.server.send(user_id(2)) for _ in range(3)]
    follower.deliver()
    room = follower.state.rooms[ROOM]
    assert room.membership.unread == 3
    read = replace(room.membership, read_seq=2, unread=1)
    follower.state.apply(Event("read.updated", read, user_rev=7))
    follower.state.apply(Event("read.updated", replace(read, read_seq=1, unread=2), user_rev=6))
    assert (room.membership.read_seq, room.membership.unread) == (2, 1)


def test_a_call_to_the_room_or_to_oneself_is_a_mention_and_one_to_whoever_is_here_is_not():
    follower = Follower()
    to_me, to_another = Mentions(user_ids=[ME]), Mentions(user_ids=[user_id(3)])
    for mentions in (to_me, Mentions(room=True), Mentions(here=True), to_another):
        event = follower.server.send(user_id(2))
        event.data = replace(event.data, mentions=mentions)
        follower.state.apply(event)
    membership = follower.state.rooms[ROOM].membership
    assert (membership.unread, membership.mentions) == (4, 2)


def test_what_a_room_keeps_no_longer_is_let_go_with_its_threads():
    follower = Follower()
    old, kept = follower.server.send(), follower.server.send()
    threads = [
        replace(old.data, id=user_id(900 + number), thread_id=root, rev=3 + number)
        for number, root in enumerate((old.data.id, kept.data.id, user_id(999)))
    ]
    for event in (old, kept):
        follower.state.apply(event)
    for reply in threads:
        follower.server.room = replace(follower.server.room, rev=follower.server.room.rev + 1)
        rev = follower.server.room.rev
        follower.state.apply(Event("message.created", replace(reply, rev=rev), ROOM, 1, rev))
    assert len(follower.state.rooms[ROOM].messages) == 5
    follower.state.apply(follower.server.expire(0))
    assert follower.state.rooms[ROOM].messages.keys() == {kept.data.id, threads[1].id}


def test_a_room_one_is_removed_from_is_forgotten():
    follower = Follower()
    follower.state.apply(Event("room.removed", RoomRemoved(ROOM, "removed"), user_rev=2))
    assert follower.state.rooms == {}
    assert follower.state.positions() == {}


def test_what_the_state_does_not_track_is_passed_on_with_its_data():
    follower = Follower()
    for name, data in (
        ("draft.updated", {"room_id": ROOM, "thread_id": None, "text": "x", "updated_at": at(1)}),
        ("saved.updated", {"room_id": ROOM, "message_id": user_id(9), "saved_at": None}),
        ("of.a_newer_server", {"x": 1}),
    ):
        frame = decode_frame(msgspec.json.encode({"ev": name, "user_rev": 7, "d": data}))
        event = to_event(frame)
        assert follower.state.apply(event) is Verdict.APPLIED
        assert event.data is None or msgspec.to_builtins(event.data) == data
        assert (event.data is None) == (name == "of.a_newer_server")


def test_only_the_newest_messages_are_kept_where_that_is_wanted():
    state, server = State(kept_messages=10), ServerRoom()
    state.take_synced(Synced([server.element()], [], None))
    for _ in range(100):
        state.apply(server.send())
    held = state.rooms[ROOM].timeline
    assert len(held) <= 13
    assert held[-1].seq == 100
    assert state.rooms[ROOM].membership.user_id == ME


def tell(follower: Follower, rev: int, *, mentioned: bool = False, sent_seq: int | None = None) -> Verdict:
    news = RoomActivity(rev, rev - 1, mentioned=mentioned, sent_seq=sent_seq)
    return follower.state.apply(Event("room.activity", news, ROOM))


def test_activity_is_known_beside_the_position_until_what_happened_is_here():
    follower = Follower()
    held = follower.state.rooms[ROOM]
    for _ in range(3):
        follower.server.send(user_id(2))
    assert tell(follower, 3, mentioned=True) is Verdict.APPLIED
    assert tell(follower, 4) is Verdict.APPLIED
    assert (held.activity, held.rev) == (RoomActivity(4, 3, mentioned=True, sent_seq=None), 1)
    assert follower.state.apply(follower.server.changes(1)) is Verdict.APPLIED
    assert (held.activity, find_differences(held, follower.server.element())) == (None, [])
    assert tell(follower, 4) is Verdict.REPEATED


def test_ones_own_message_from_elsewhere_ends_a_mention_that_is_only_known_of():
    follower = Follower()
    tell(follower, 5, mentioned=True)
    tell(follower, 9, sent_seq=8)
    assert follower.state.rooms[ROOM].activity == RoomActivity(9, 8, mentioned=False, sent_seq=8)


def test_activity_of_a_room_that_is_not_held_is_nothing():
    follower = Follower()
    follower.state.remove(ROOM)
    assert tell(follower, 5) is Verdict.REPEATED
