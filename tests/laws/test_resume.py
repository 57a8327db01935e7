"""The law of resuming, over the running system: old state + changes + events = fresh snapshot.

Hypothesis draws schedules of writing, cutting and coming back on either node. Whatever happens in
between, nobody is given a gap or a repetition, and whoever has followed knows what a newcomer is told.
"""

import json
from contextlib import AsyncExitStack
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatcraft_client.frames import decode_frame, to_event
from chatcraft_client.room_state import find_differences
from chatcraft_client.state import State
from shared.contracts.sync import Synced
from tests.stack import Stack
from tests.wire import People, Person, Socket, eventually

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 5)),
        st.tuples(st.just("reply_in_thread"), st.integers(0, 20)),
        st.tuples(st.just("edit"), st.integers(0, 20)),
        st.tuples(st.just("delete"), st.integers(0, 20)),
        st.tuples(st.just("react"), st.integers(0, 20)),
        st.tuples(st.just("pin"), st.integers(0, 20)),
        st.tuples(st.just("rename"), st.integers(0, 1_000)),
        st.tuples(st.just("third_comes_or_goes"), st.just(0)),
        st.tuples(st.just("read"), st.integers(0, 20)),
        st.tuples(st.just("write_oneself"), st.just(0)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("come_back"), st.integers(0, 1)),
    ),
    min_size=4,
    max_size=25,
)


class Follower:
    """A device of bert's: holds a state, loses its socket, comes back anywhere."""

    def __init__(self, person: Person, urls: list[str]) -> None:
        self.person = person
        self.urls = urls
        self.state = State()
        self.socket: Socket | None = None
        self._taken = 0
        self._stack = AsyncExitStack()

    async def come_back(self, node: int) -> None:
        if self.socket is not None:
            return
        socket = await self._stack.enter_async_context(self.person.socket(self.urls[node], sync=False))
        held = msgspec.to_builtins(self.state.positions())
        synced = await socket.call("sync", {"rooms": held})
        self.state.take_synced(msgspec.convert(synced, Synced))
        self.socket, self._taken = socket, 0

    async def cut(self) -> None:
        if self.socket is not None:
            self.take_frames()
            self.socket.websocket.transport.abort()
            await self._stack.aclose()
            self.socket, self._stack = None, AsyncExitStack()

    def take_frames(self) -> None:
        assert self.socket is not None
        for frame in self.socket.frames[self._taken :]:
            self.state.apply(to_event(decode_frame(json.dumps(frame).encode())))
        self._taken = len(self.socket.frames)

    async def close(self) -> None:
        await self._stack.aclose()


class Writers:
    """What the others do meanwhile, and bert from another device."""

    def __init__(self, anna: Person, bert: Person, carl: Person, room_id: str) -> None:
        self.anna, self.bert, self.carl, self.room_id = anna, bert, carl, room_id
        self.path = f"/rooms/{room_id}"
        self.sent: list[Any] = []
        self.carl_is_in = False

    async def send(self, count: int) -> None:
        for _ in range(count):
            self.sent.append(await self.anna.send(self.room_id, f"<@{self.bert.id}> m{len(self.sent)}"))

    async def reply_in_thread(self, index: int) -> None:
        if root := self.pick(index):
            await self.anna.send(self.room_id, "in the thread", thread_id=root["id"])

    async def edit(self, index: int) -> None:
        if message := self.pick(index):
            await self.anna.rest(
                "PATCH", f"{self.path}/messages/{message['id']}", {"text": f"edited {index}"}
            )

    async def delete(self, index: int) -> None:
        if message := self.pick(index):
            await self.anna.rest("DELETE", f"{self.path}/messages/{message['id']}")
            self.sent.remove(message)

    async def react(self, index: int) -> None:
        if message := self.pick(index):
            who, method = (self.anna, "PUT") if index % 3 else (self.bert, "DELETE")
            await who.rest(method, f"{self.path}/messages/{message['id']}/reactions/%F0%9F%91%8D")

    async def pin(self, index: int) -> None:
        if message := self.pick(index):
            await self.anna.rest(
                "DELETE" if index % 3 else "PUT", f"{self.path}/messages/{message['id']}/pin"
            )

    async def rename(self, number: int) -> None:
        await self.anna.rest("PATCH", self.path, {"name": f"name {number}"})

    async def third_comes_or_goes(self, _unused: int) -> None:
        await self.carl.rest("POST", f"{self.path}/{'leave' if self.carl_is_in else 'join'}", {})
        self.carl_is_in = not self.carl_is_in

    async def read(self, back: int) -> None:
        room = await self.bert.rest("GET", self.path)
        await self.bert.rest("POST", f"{self.path}/read", {"seq": max(0, room["last_seq"] - back)})

    async def write_oneself(self, _unused: int) -> None:
        await self.bert.send(self.room_id, "mine")

    def pick(self, index: int) -> Any:
        return self.sent[index % len(self.sent)] if self.sent else None


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
async def test_whoever_has_followed_knows_what_a_newcomer_is_told(
    stack: Stack, people: People, steps: list[tuple[str, int]]
) -> None:
    anna, bert, carl = [await people.register(name) for name in ("anna", "bert", "carl")]
    room_id = await anna.create_room("public", (bert,))
    follower = Follower(bert, stack.gateway_urls)
    writers = Writers(anna, bert, carl, room_id)
    try:
        await follower.come_back(0)
        for name, argument in steps:
            match name:
                case "cut":
                    await follower.cut()
                case "come_back":
                    await follower.come_back(argument)
                case _:
                    await getattr(writers, name)(argument)
        await follower.come_back(1)
        await compare_with_fresh(follower, bert, room_id, stack.gateway_urls[0])
    finally:
        await follower.close()


async def compare_with_fresh(follower: Follower, bert: Person, room_id: str, url: str) -> None:
    async with bert.socket(url) as newcomer:
        fresh = msgspec.convert(newcomer.synced, Synced).rooms[0]
        held = follower.state.rooms[room_id]

        def differences() -> list[str]:
            follower.take_frames()
            return find_differences(held, fresh)

        await eventually(lambda: not differences() or held.rev > fresh.position.rev)
        assert differences() == []
    assert (follower.state.gaps, follower.state.repeats) == (0, 0)
    seqs = [message.seq for message in held.timeline]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))) if seqs else True
