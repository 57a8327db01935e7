"""What `consume` promises another service: every event, in order per room, once; whatever breaks."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nats.aio.client import Client as Nats
from nats.js.errors import NotFoundError

from chatcraft_client.consume import ROOM_GAP, Consumer, Place, Share, consume, forget
from chatcraft_client.errors import ChatCraftError
from chatcraft_client.frames import Event
from shared.contracts.entities import Message, Room
from shared.errors import ChatError
from shared.ids import new_id
from tests.integration.feed import reader as reader_process
from tests.integration.messages.world import World, eventually

CREATED = ["chat.room.*.message.created"]


class Reader:
    """A handler that remembers what it was given, and fails as told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.failing: Counter[str] = Counter()
        self.attempts: Counter[str] = Counter()

    async def handle(self, event: Event) -> None:
        text = event.data.text if isinstance(event.data, Message) else ""
        self.attempts[text] += 1
        if self.attempts[text] <= self.failing[text]:
            raise ValueError(f"not {text} now")
        self.events.append(event)

    def of(self, room: Room) -> list[Event]:
        return [event for event in self.events if event.room_id == room.id]

    def texts(self, room: Room) -> list[str]:
        return [event.data.text for event in self.of(room) if isinstance(event.data, Message)]


class Member:
    """In place of a signed-in `Client`: calls what it is told to, as one user."""

    def __init__(self, world: World, user_id: str) -> None:
        self._world = world
        self._user_id = user_id

    async def call(self, command: Any, request: Any, *, retry_for_s: float) -> Any:
        fields = {name: getattr(request, name) for name in request.__struct_fields__}
        try:
            return await self._world.ask(command, self._user_id, **fields)
        except ChatError as exc:
            raise ChatCraftError(exc.code, "refused") from exc


@asynccontextmanager
async def reading(consumer: Consumer, reader: Reader, at_once: int = 4) -> AsyncIterator[Consumer]:
    async with consumer:
        running = asyncio.create_task(consumer.run(reader.handle, at_once))
        try:
            yield consumer
        finally:
            running.cancel()
            await asyncio.wait([running])


@pytest.fixture
def durable() -> str:
    return f"d-{new_id()}"


async def send_all(world: World, user: str, room: Room, texts: list[str]) -> list[Message]:
    return [await world.send(user, room.id, text) for text in texts]


async def test_events_come_typed_in_order_and_are_not_repeated_after_a_restart(
    world: World, feed_url: str, durable: str, bus: Nats
):
    ann, reader = new_id(), Reader()
    room = await world.room(ann)
    async with reading(consume(feed_url, durable, CREATED), reader):
        await send_all(world, ann, room, ["1", "2"])
        await eventually(lambda: reader.texts(room) == ["1", "2"])
        await all_acked(bus, durable)
    await send_all(world, ann, room, ["3", "4"])
    async with reading(consume(feed_url, durable, CREATED), reader):
        await eventually(lambda: reader.texts(room) == ["1", "2", "3", "4"])
        await send_all(world, ann, room, ["5"])
        await eventually(lambda: len(reader.texts(room)) == 5)
    assert reader.texts(room) == ["1", "2", "3", "4", "5"]
    assert {event.name for event in reader.of(room)} == {"message.created"}


async def test_a_handler_that_raises_holds_its_own_room_and_no_other(
    world: World, feed_url: str, durable: str
):
    ann, reader = new_id(), Reader()
    room, other = await world.room(ann), await world.room(ann)
    reader.failing["bad"] = 1_000
    async with reading(consume(feed_url, durable, CREATED, max_tries=1_000, first_pause_s=0.01), reader):
        await send_all(world, ann, room, ["bad", "after"])
        await send_all(world, ann, other, ["free"])
        await eventually(lambda: reader.texts(other) == ["free"])
        await eventually(lambda: reader.attempts["bad"] >= 3)
        assert reader.texts(room) == []
        reader.failing["bad"] = reader.attempts["bad"]
        await eventually(lambda: reader.texts(room) == ["bad", "after"])
    assert reader.attempts["bad"] == reader.failing["bad"] + 1


async def test_what_fails_too_often_is_put_aside_with_its_reason_and_the_room_goes_on(
    world: World, feed_url: str, durable: str, bus: Nats
):
    ann, reader = new_id(), Reader()
    room = await world.room(ann)
    reader.failing["never"] = 1_000
    async with reading(consume(feed_url, durable, CREATED, max_tries=3, first_pause_s=0.05), reader):
        sent = await send_all(world, ann, room, ["never", "on"])
        await eventually(lambda: reader.texts(room) == ["on"])
    assert reader.attempts["never"] == 3
    dead = await bus.jetstream().get_last_msg("CHAT_DEAD", f"chat.dead.{durable}")
    assert dead.headers is not None
    assert dead.headers["Chat-Place"] == f"{room.id}:1:{sent[0].rev}"
    assert dead.headers["Chat-Reason"] == "ValueError: not never now"
    assert sent[0].id.encode() in (dead.data or b"")


async def test_doubles_and_events_that_overtook_each_other_are_put_right(
    world: World, feed_url: str, durable: str, bus: Nats
):
    ann, reader = new_id(), Reader()
    room = await world.room(ann)
    heard = world.hear_room(room.id)
    async with reading(consume(feed_url, durable, CREATED), reader):
        await send_all(world, ann, room, ["1"])
        await eventually(lambda: reader.texts(room) == ["1"])
        await heard.until(1)
        for rev in (5, 3, 2, 4):
            text = b'"text":"%d"' % (rev - 1)
            frame = heard.raw[0].replace(b'"text":"1"', text).replace(b'"rev":2', b'"rev":%d' % rev)
            headers = {"Chat-Test": str(rev), "Nats-Msg-Id": f"{room.id}:1:{rev}"}
            # Not by the same id: as if the first time were longer ago than the duplicate window.
            await bus.publish(f"chat.room.{room.id}.message.created", frame, headers=headers)
        await eventually(lambda: reader.texts(room) == ["1", "2", "3", "4"])
    assert [event.rev for event in reader.of(room)] == [2, 3, 4, 5]


async def lose(bus: Nats, room: Room, revs: range) -> None:
    """Delete events from the stream, as its limits do."""
    jetstream = bus.jetstream()
    last = (await jetstream.stream_info("CHAT")).state.last_seq
    for seq in range(max(1, last - 60), last + 1):
        try:
            message = await jetstream.get_msg("CHAT", seq)
        except NotFoundError:
            continue
        # Events of other tests, which the bus alone has seen, have no id.
        room_id, _, rev = (message.headers or {}).get("Nats-Msg-Id", "::").split(":")
        if room_id == room.id and int(rev) in revs:
            await jetstream.delete_msg("CHAT", seq)


async def in_feed(bus: Nats, room: Room, count: int) -> None:
    async with asyncio.timeout(30):
        while True:
            info = await bus.jetstream().stream_info("CHAT", subjects_filter=f"chat.room.{room.id}.>")
            if sum((info.state.subjects or {}).values()) >= count:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("is_member", [True, False])
async def test_what_the_stream_has_lost_is_filled_from_the_store_or_reported(
    world: World, feed_url: str, durable: str, bus: Nats, is_member: bool
):
    ann, reader = new_id(), Reader()
    room = await world.room(ann)
    async with reading(consume(feed_url, durable, CREATED), reader):
        await send_all(world, ann, room, ["1"])
        await eventually(lambda: reader.texts(room) == ["1"])
        await all_acked(bus, durable)
    await send_all(world, ann, room, ["2", "3", "4"])
    await in_feed(bus, room, 5)
    await lose(bus, room, range(3, 5))
    member: Any = Member(world, ann if is_member else new_id())
    consumer = consume(feed_url, durable, CREATED, client=member, gap_wait_s=0.3, unreadable_wait_s=1)
    async with reading(consumer, reader):
        await eventually(lambda: len(reader.of(room)) >= 2)
        await send_all(world, ann, room, ["5"])
        await eventually(lambda: reader.texts(room)[-1] == "5")
    second = reader.of(room)[1]
    if is_member:
        assert (second.name, second.data.after_rev, second.rev) == ("room.changes", 2, 5)
        assert [message.text for message in second.data.messages] == ["2", "3", "4"]
        assert reader.texts(room) == ["1", "5"]
    else:
        assert (second.name, second.data.after_rev, second.rev) == (ROOM_GAP, 2, 4)
        assert second.data.reason == "not_found"
        assert reader.texts(room) == ["1", "4", "5"]


async def all_acked(bus: Nats, durable: str) -> None:
    async with asyncio.timeout(30):
        while True:
            if not (await bus.jetstream().consumer_info("CHAT", durable)).num_ack_pending:
                return
            await asyncio.sleep(0.02)


async def test_a_second_process_stands_by_and_takes_over_from_a_killed_one(
    world: World, feed_url: str, durable: str, bus: Nats
):
    ann, second = new_id(), Reader()
    rooms = [await world.room(ann) for _ in range(3)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", reader_process.__name__, feed_url, durable), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"attached\n"
    for room in rooms:
        await send_all(world, ann, room, ["1"])
    first = [(await process.stdout.readline()).decode().split() for _ in rooms]
    async with reading(consume(feed_url, durable, CREATED), second):
        for room in rooms:
            await send_all(world, ann, room, ["2"])
        first += [(await process.stdout.readline()).decode().split() for _ in rooms]
        assert not second.events
        # Killed between an event's handler and its ack, it would leave that one to be repeated.
        await all_acked(bus, durable)
        process.kill()
        await process.wait()
        for room in rooms:
            await send_all(world, ann, room, ["3", "4"])
        await eventually(lambda: len(second.events) >= 6, 60)
    for room in rooms:
        told = [text for room_id, text in first if room_id == room.id]
        assert told + second.texts(room) == ["1", "2", "3", "4"]


async def test_shares_part_the_rooms_and_keep_each_rooms_order(world: World, feed_url: str, durable: str):
    ann, readers = new_id(), [Reader(), Reader()]
    rooms = [await world.room(ann) for _ in range(16)]
    texts = [str(number) for number in range(8)]
    consumers = [consume(feed_url, durable, CREATED, share=Share(index, 2)) for index in range(2)]
    async with reading(consumers[0], readers[0]), reading(consumers[1], readers[1]):
        await asyncio.gather(*(send_all(world, ann, room, texts) for room in rooms))
        await eventually(lambda: sum(len(reader.events) for reader in readers) == 128)
    for room in rooms:
        assert sorted(reader.texts(room) for reader in readers) == [[], texts]
    assert all(reader.events for reader in readers)


@pytest.mark.parametrize("how", ["all", "time", "sequence"])
async def test_a_forgotten_durable_replays_from_where_it_is_told(
    world: World, feed_url: str, durable: str, bus: Nats, how: str
):
    ann, reader = new_id(), Reader()
    room = await world.room(ann)
    await send_all(world, ann, room, ["1"])
    await in_feed(bus, room, 2)
    before = (await bus.jetstream().stream_info("CHAT")).state.last_seq
    await asyncio.sleep(0.1)  # so that "now" is between two events on anybody's clock
    since = datetime.now(UTC) - timedelta(seconds=0.05)
    start: Any = {"all": "all", "time": since, "sequence": before + 1}[how]
    await send_all(world, ann, room, ["2"])
    expected = ["1", "2"] if how == "all" else ["2"]
    for _ in range(2):
        reader.events.clear()
        async with reading(consume(feed_url, durable, [f"chat.room.{room.id}.>"], start=start), reader):
            await eventually(lambda: reader.texts(room) == expected)
        await forget(feed_url, durable)


async def test_a_service_that_keeps_its_places_itself_is_asked_for_them(
    world: World, feed_url: str, durable: str
):
    class Own:
        def __init__(self) -> None:
            self.places: dict[str, Place] = {}

        async def load(self, room_id: str) -> Place | None:
            return self.places.get(room_id)

        async def save(self, room_id: str, place: Place) -> None:
            self.places[room_id] = place

    ann, reader, own = new_id(), Reader(), Own()
    room = await world.room(ann)
    await send_all(world, ann, room, ["1", "2", "3"])
    own.places[room.id] = Place(1, 3)
    consumer = consume(feed_url, durable, [f"chat.room.{room.id}.>"], start="all", positions=own)
    async with reading(consumer, reader):
        await eventually(lambda: own.places[room.id] == Place(1, 4))
    assert reader.texts(room) == ["3"]


async def test_without_a_bus_it_says_so(nats_url: Callable[[str], str], durable: str):
    wrong = nats_url("feed").replace("feed:", "feed:wrong")
    with pytest.raises(ChatCraftError, match="unavailable"):
        async with consume(wrong, durable):
            pass
