"""The law of resuming for who looks elsewhere: old state + what comes on looking = fresh snapshot.

Two connections of a node are a crowd here. Schedules let it come and dissolve, and a device look away and
back, lose its socket and come back on either node.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx2
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.data_dir import DataDir
from shared.contracts.sync import Synced
from tests.laws.test_resume import Follower, Writers, compare_with_fresh
from tests.stack import Stack
from tests.wire import People, Person, Refused, Socket, eventually

ENV = {"CHATCRAFT_GATEWAY_CROWD_SIZE": "2"}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 5)),
        st.tuples(st.just("reply_in_thread"), st.integers(0, 20)),
        st.tuples(st.just("edit"), st.integers(0, 20)),
        st.tuples(st.just("delete"), st.integers(0, 20)),
        st.tuples(st.just("react"), st.integers(0, 20)),
        st.tuples(st.just("third_comes_or_goes"), st.just(0)),
        st.tuples(st.just("read"), st.integers(0, 20)),
        st.tuples(st.just("write_oneself"), st.just(0)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("come_back"), st.integers(0, 1)),
        st.tuples(st.just("look"), st.integers(0, 1)),
        st.tuples(st.just("fan_comes_or_goes"), st.just(0)),
    ),
    min_size=4,
    max_size=25,
)


@pytest.fixture(scope="module")
async def crowding(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    with DataDir.open(tmp_path_factory.mktemp("crowding") / "data") as data_dir:
        async with Stack("test_attention", data_dir, env=ENV) as running:
            yield running


@pytest.fixture
async def folk(crowding: Stack, http: httpx2.AsyncClient) -> People:
    return People(crowding.gateway_urls, http)


class Looker(Follower):
    """A follower that says where it looks, on each connection before it syncs."""

    def __init__(self, person: Person, urls: list[str], room_id: str) -> None:
        super().__init__(person, urls)
        self.room_id = room_id
        self.looks = False

    async def come_back(self, node: int) -> None:
        if self.socket is None:
            socket = await self._stack.enter_async_context(self.person.socket(self.urls[node], sync=False))
            self.socket, self._taken = socket, 0
            await self.look(self.looks)
            synced = await socket.call("sync", {"rooms": msgspec.to_builtins(self.state.positions())})
            self.state.take_synced(msgspec.convert(synced, Synced))
            self._taken = 0

    async def look(self, looks: int) -> None:
        self.looks = bool(looks)
        if self.socket is not None:
            await self.socket.call("rooms.focus", {"room_ids": [self.room_id] if looks else []})


class Fans:
    """Another member, whose sockets on both nodes make the room a crowd there."""

    def __init__(self, person: Person, urls: list[str]) -> None:
        self.person, self.urls = person, urls
        self._stack: AsyncExitStack | None = None

    async def come_or_go(self) -> None:
        if self._stack is not None:
            await self.close()
            return
        self._stack = AsyncExitStack()
        for url in self.urls:
            await self._stack.enter_async_context(self.person.socket(url))

    async def close(self) -> None:
        if self._stack is not None:
            await self._stack.aclose()
        self._stack = None


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
async def test_whoever_looked_elsewhere_knows_on_looking_what_a_newcomer_is_told(
    crowding: Stack, folk: People, steps: list[tuple[str, int]]
) -> None:
    anna, bert, carl, dora = [await folk.register(name) for name in ("anna", "bert", "carl", "dora")]
    room_id = await anna.create_room("public", (bert, dora))
    follower = Looker(bert, crowding.gateway_urls, room_id)
    fans = Fans(dora, crowding.gateway_urls)
    writers = Writers(anna, bert, carl, room_id)
    try:
        await fans.come_or_go()
        await follower.come_back(0)
        for name, argument in steps:
            match name:
                case "cut":
                    await follower.cut()
                case "come_back":
                    await follower.come_back(argument)
                case "look":
                    await follower.look(argument)
                case "fan_comes_or_goes":
                    await fans.come_or_go()
                case _:
                    await getattr(writers, name)(argument)
        await follower.come_back(1)
        await follower.look(1)
        await compare_with_fresh(follower, bert, room_id, crowding.gateway_urls[0])
    finally:
        await follower.close()
        await fans.close()


async def look_elsewhere(socket: Socket) -> None:
    await socket.call("rooms.focus", {"room_ids": []})
    await socket.call("sync", {"rooms": {}})


async def test_out_of_focus_only_activity_is_told_and_a_mention_in_time(folk: People) -> None:
    anna, bert = await folk.register("anna"), await folk.register("bert")
    room_id = await anna.create_room(members=(bert,))
    async with anna.socket() as here, bert.socket(sync=False) as away:
        await look_elsewhere(away)
        await anna.send(room_id, "one")
        last = await anna.send(room_id, f"<@{bert.id}> two")
        told = await away.wait_for_event("room.activity", mentioned=True)
        assert (told["room_id"], told["d"]["rev"], told["d"]["last_seq"]) == (room_id, last["rev"], 2)
        await here.wait_for_event("message.created", id=last["id"])
        assert away.of_room(room_id) == []
        await away.call("rooms.focus", {"room_ids": [room_id]})
        await away.wait_for_event("message.created", id=last["id"])
        assert [frame["rev"] for frame in away.of_room(room_id)] == [last["rev"] - 1, last["rev"]]


async def test_who_is_removed_while_looking_elsewhere_hears_of_it_and_nothing_more(folk: People) -> None:
    anna, bert = await folk.register("anna"), await folk.register("bert")
    room_id = await anna.create_room(members=(bert,))
    async with anna.socket() as here, bert.socket(sync=False) as away:
        await look_elsewhere(away)
        before = await anna.send(room_id, "before")
        await anna.rest("DELETE", f"/rooms/{room_id}/members/{bert.id}")
        await away.wait_for_event("member.left", user_id=bert.id)
        await away.wait_for_event("room.removed", room_id=room_id)
        after = await anna.send(room_id, f"<@{bert.id}> after")
        await here.wait_for_event("message.created", id=after["id"])
        assert [frame["rev"] for frame in away.of_room(room_id)] == [before["rev"], before["rev"] + 1]
        with pytest.raises(Refused) as refusal:
            await away.call("typing.start", {"room_id": room_id})
        assert refusal.value.code == "not_found"


async def test_in_a_crowd_nobody_is_told_who_types(folk: People) -> None:
    anna, bert = await folk.register("anna"), await folk.register("bert")
    room_id = await anna.create_room(members=(bert,))
    quiet_id = await anna.create_room()
    async with anna.socket() as typist, bert.socket() as reader:
        await eventually(lambda: shows_typing(typist, quiet_id))  # presence knows by then that she is visible
        assert await typist.call("typing.start", {"room_id": room_id}) == {}
        message = await anna.send(room_id, "typed")
        await reader.wait_for_event("message.created", id=message["id"])
        assert "typing.changed" not in {frame["ev"] for frame in reader.frames}


async def shows_typing(typist: Socket, room_id: str) -> bool:
    await typist.call("typing.start", {"room_id": room_id})
    return any(frame["ev"] == "typing.changed" for frame in typist.frames)


@pytest.mark.parametrize("room_ids", [["no id"], [f"00000000-0000-7000-8000-{n:012d}" for n in range(21)]])
async def test_a_focus_of_too_many_rooms_or_of_no_room_is_refused(folk: People, room_ids: list[str]) -> None:
    anna = await folk.register("anna")
    async with anna.socket() as socket:
        with pytest.raises(Refused) as refusal:
            await socket.call("rooms.focus", {"room_ids": room_ids})
        assert refusal.value.code == "invalid_input"
