"""Two laws of the store, over random histories.

Old state + changes (after any rev) = fresh snapshot. And: unread is what a naive model counts.
"""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts import internal, members, messages, reactions, rooms
from shared.contracts.entities import Member, Message, Room
from shared.contracts.sync import HeldPosition
from shared.errors import ChatError
from shared.ids import new_id
from tests.integration.messages.world import World

PEOPLE = 3
TEXTS = ("one", "two", "<!room>", "<@0>", "<@1> <@2>", "<!here>")

EMOJIS = ("👍", "❤️", ":parrot:")

people = st.integers(0, PEOPLE - 1)
actions = st.one_of(
    st.tuples(st.just("send"), people, st.sampled_from(TEXTS)),
    st.tuples(st.just("send"), people, st.sampled_from(TEXTS)),
    st.tuples(st.just("reply"), people, st.integers(0, 9)),
    st.tuples(st.just("unreply"), people, st.integers(0, 9)),
    st.tuples(st.just("edit"), people, st.integers(0, 9), st.sampled_from(TEXTS)),
    st.tuples(st.just("delete"), people, st.integers(0, 9)),
    st.tuples(st.just("read"), people, st.integers(0, 12), st.booleans()),
    st.tuples(st.just("leave"), people),
    st.tuples(st.just("join"), people),
    st.tuples(st.just("role"), people, st.sampled_from(("member", "moderator"))),
    st.tuples(st.just("react"), people, st.integers(0, 9), st.sampled_from(EMOJIS), st.booleans()),
    st.tuples(st.just("pin"), people, st.integers(0, 9), st.booleans()),
    st.tuples(st.just("keep_pins"), st.booleans()),
    st.tuples(st.just("topic"), st.sampled_from(("a", "b"))),
)
bounded = settings(
    max_examples=40, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@dataclass
class Held:
    """What a client holds of a room: an upsert of all it was told."""

    position: internal.Position
    room: Room
    stored: dict[str, Message] = field(default_factory=dict)
    present: dict[str, Member] = field(default_factory=dict)

    def upsert(self, found: messages.Changes) -> None:
        assert not found.reset
        self.position, self.room = found.position, found.room
        self.stored |= {each.id: each for each in found.messages}
        self.present |= {each.user_id: each for each in found.members}


@dataclass
class Model:
    """A naive account of the main timeline: every message, every mark, counted one by one."""

    senders: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    marks: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(PEOPLE), 0))

    def unread(self, who: int) -> int:
        return sum(sender != who for sender in self.senders[self.marks[who] :])

    def mentions(self, who: int) -> int:
        above = zip(self.senders[self.marks[who] :], self.texts[self.marks[who] :], strict=True)
        return sum(sender != who and (f"<@{who}>" in text or "<!room>" in text) for sender, text in above)


class Play:
    """One room, its owner, and the people who act in it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.owner = new_id()
        self.people = [new_id() for _ in range(PEOPLE)]
        self.sent: list[Message] = []
        self.replies: list[Message] = []
        self.model = Model()
        self.present = set(range(PEOPLE))

    async def open(self) -> Room:
        self.room = await self.world.room(self.owner, *self.people, kind="public")
        return self.room

    async def act(self, action: tuple[Any, ...]) -> None:
        verb, *rest = action
        try:
            await getattr(self, verb)(*rest)
        except ChatError as refused:
            if refused.code not in {"forbidden", "conflict", "invalid_input"}:
                raise

    def text(self, template: str) -> str:
        for number, user_id in enumerate(self.people):
            template = template.replace(f"<@{number}>", f"<@{user_id}>")
        return template

    def pick(self, number: int) -> Message | None:
        return self.sent[number % len(self.sent)] if self.sent else None

    async def send(self, who: int, text: str) -> None:
        message = await self.world.send(self.people[who], self.room.id, self.text(text))
        self.sent.append(message)
        self.model.senders.append(who)
        self.model.texts.append(text)
        self.model.marks[who] = message.seq

    async def reply(self, who: int, number: int) -> None:
        if root := self.pick(number):
            self.replies.append(await self.world.send(self.people[who], self.room.id, thread_id=root.id))

    async def unreply(self, who: int, number: int) -> None:
        if self.replies:
            await self.world.delete(self.people[who], self.replies[number % len(self.replies)])

    async def edit(self, who: int, number: int, text: str) -> None:
        if message := self.pick(number):
            await self.world.edit(self.people[who], message, self.text(text))
            self.model.texts[message.seq - 1] = text

    async def delete(self, who: int, number: int) -> None:
        if message := self.pick(number):
            await self.world.delete(self.people[who], message)
            self.model.texts[message.seq - 1] = ""

    async def read(self, who: int, seq: int, is_exact: bool) -> None:
        await self.world.read(self.people[who], self.room.id, seq, **({"unread": True} if is_exact else {}))
        mark = self.model.marks
        mark[who] = seq if is_exact else max(mark[who], seq)

    async def leave(self, who: int) -> None:
        await self.world.ask(rooms.leave, self.people[who], room_id=self.room.id)
        self.present.discard(who)

    async def join(self, who: int) -> None:
        await self.world.ask(rooms.join, self.people[who], room_id=self.room.id)
        if who not in self.present:
            self.present.add(who)
            self.model.marks[who] = len(self.model.senders)

    async def role(self, who: int, role: str) -> None:
        if who in self.present:
            await self.world.ask(
                members.set_role, self.owner, room_id=self.room.id, user_id=self.people[who], role=role
            )

    async def react(self, who: int, number: int, emoji: str, is_added: bool) -> None:
        if message := self.pick(number):
            command = reactions.add if is_added else reactions.remove
            named = {"room_id": self.room.id, "message_id": message.id, "emoji": emoji}
            await self.world.ask(command, self.people[who], **named)

    async def pin(self, who: int, number: int, is_pinned: bool) -> None:
        if message := self.pick(number):
            command = reactions.pin if is_pinned else reactions.unpin
            await self.world.ask(command, self.people[who], room_id=self.room.id, message_id=message.id)

    async def keep_pins(self, is_kept: bool) -> None:
        settings = {"who_may_pin": "moderators" if is_kept else "everybody"}
        await self.world.ask(rooms.update, self.owner, room_id=self.room.id, settings=settings)

    async def topic(self, topic: str) -> None:
        await self.world.ask(rooms.update, self.owner, room_id=self.room.id, topic=topic)


@bounded
@given(st.lists(actions, min_size=1, max_size=25), st.lists(st.integers(0, 24), max_size=3))
async def test_old_state_and_changes_are_the_fresh_state(world: World, history: list[Any], cuts: list[int]):
    play = Play(world)
    room = await play.open()
    held = [Held(*await pull_all(world, play))]
    for step, action in enumerate(history):
        if step in cuts:
            held.append(Held(*await pull_all(world, play)))
        await play.act(action)
    position, now, stored, present = await pull_all(world, play)
    for old in held:
        beginning = old.position
        old.upsert(await world.changes(play.owner, room.id, old.position.rev))
        assert (old.position, old.room) == (position, now)
        assert old.stored == stored
        assert old.present == present
        asked = internal.GetSnapshot(play.owner, [room.id], {room.id: HeldPosition(1, beginning.rev)})
        [element] = (await world.call(internal.SNAPSHOT, asked, internal.Snapshot)).elements
        assert element.state == ("current" if beginning == position else "caught_up")
        assert all(stored[each.id] == each for each in element.messages)
        assert all(present[each.user_id] == each for each in element.members)
    revs = sorted([each.rev for each in stored.values()] + [each.rev for each in present.values()])
    assert len(set(revs)) == len(revs), "a rev is one change of one row"
    assert await world.verify(room.id) == []


async def pull_all(
    world: World, play: Play
) -> tuple[internal.Position, Room, dict[str, Message], dict[str, Member]]:
    """The whole room, not by way of its changes: every timeline listed, every member named."""
    found = await world.changes(
        play.owner, play.room.id, (await world.get_room(play.owner, play.room.id)).rev
    )
    stored: dict[str, Message] = {}
    for main in (await world.list(play.owner, play.room.id, limit=100)).messages:
        stored[main.id] = main
        thread = await world.list(play.owner, play.room.id, thread_id=main.id, limit=100)
        assert sum(not each.deleted_at for each in thread.messages) == main.reply_count
        stored |= {each.id: each for each in thread.messages}
        named = {"room_id": main.room_id, "message_id": main.id}
        assert (await world.ask(reactions.list_reactions, play.owner, **named)).reactions == main.reactions
    pinned = await world.ask(reactions.list_pins, play.owner, room_id=play.room.id)
    assert {each.id for each in pinned.pins} == {each.id for each in stored.values() if each.pinned_at}
    present = {each.user_id: each for each in (await world.changes(play.owner, play.room.id, 0)).members}
    listed = await world.members(play.owner, play.room.id)
    assert {key: each for key, each in present.items() if each.left_at is None} == listed
    return found.position, found.room, stored, present


@bounded
@given(st.lists(actions, min_size=1, max_size=30))
async def test_unread_and_mentions_are_what_a_naive_count_says(world: World, history: list[Any]):
    play = Play(world)
    await play.open()
    for action in history:
        await play.act(action)
    for who in play.present:
        mine = await world.membership(play.people[who], play.room.id)
        assert mine.read_seq == play.model.marks[who]
        assert mine.unread == play.model.unread(who), history
        assert mine.mentions == play.model.mentions(who), history
        told = await world.ask(rooms.explain_unread, play.people[who], room_id=play.room.id)
        assert (told.consistent, told.unread, len(told.mentions)) == (True, mine.unread, mine.mentions), (
            history
        )
