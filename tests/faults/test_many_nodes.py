"""Three gateways on three stores: one dense order for all, wherever they send and whatever the clocks say."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import httpx2
import pytest

from bench.load.population import Population
from deploy.local.data_dir import DataDir
from tests.faults.talking import list_all, talking
from tests.faults.wholeness import check_nothing_left, check_order, check_whole
from tests.stack import Stack
from tests.wire import Json, People, Person, Refused, Socket, eventually, new_id

NODES = 3
OWN_CLOCK = Path(__file__).parent / "own_clock"
APART_S = 90.0
SENDERS, SENT_BY_EACH = 16, 25


class Clocks:
    """What time the processes of the stack believe it is."""

    def __init__(self, stack: Stack, offsets: Path) -> None:
        self._stack = stack
        self._offsets = offsets

    def move(self, service: str, index: int, offset_s: float) -> None:
        """Move a process's clock against the machine's, from now on."""
        port = httpx2.URL(self._stack.health_url(service, index)).port
        fresh = self._offsets / "fresh"
        fresh.write_text(str(offset_s))
        fresh.rename(self._offsets / str(port))

    def set_right(self) -> None:
        for file in self._offsets.iterdir():
            file.unlink()


@pytest.fixture(scope="module")
def offsets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clocks")


@pytest.fixture(scope="module")
async def broken(tmp_path_factory: pytest.TempPathFactory, offsets: Path) -> AsyncIterator[Stack]:
    """Three of each, every process with a clock that can be moved."""
    counts = {"gateway": NODES, "messages": NODES}
    env = {"PYTHONPATH": str(OWN_CLOCK), "TEST_CLOCKS": str(offsets)}
    with DataDir.open(tmp_path_factory.mktemp("many") / "data") as data_dir:
        async with Stack("test_many_nodes", data_dir, counts=counts, env=env) as running:
            yield running


@pytest.fixture
def clocks(broken: Stack, offsets: Path) -> Iterator[Clocks]:
    made = Clocks(broken, offsets)
    yield made
    made.set_right()


async def open_sockets(
    opened: AsyncExitStack, broken: Stack, people: list[Person], everywhere: Person
) -> list[Socket]:
    """One for each at home, and one on every node for somebody."""
    places = [(each, each.url) for each in people] + [(everywhere, url) for url in broken.gateway_urls]
    return [await opened.enter_async_context(person.socket(url)) for person, url in places]


async def say(socket: Socket, room_id: str, ids: list[str]) -> list[Json]:
    """Send all at once, as one who types ahead: the node keeps their order."""
    commands = [{"room_id": room_id, "id": each, "text": each} for each in ids]
    answers = await asyncio.gather(*(socket.start("messages.send", each) for each in commands))
    assert not any(answer["duplicate"] for answer in answers)
    return [answer["message"] for answer in answers]


async def test_sixteen_senders_over_three_nodes_are_heard_in_one_dense_order_everywhere(
    broken: Stack, http: httpx2.AsyncClient
) -> None:
    secret = broken.find("auth").program.env["CHATCRAFT_SECRET_KEY"]
    population = Population(broken.endpoints.database_url, secret)
    made = await population.add_people(SENDERS)
    [room] = await population.add_rooms([made])
    people = [
        Person(broken.gateway_urls[number % NODES], {"id": each.id}, {"access_token": each.token}, http)
        for number, each in enumerate(made)
    ]
    ids = [[new_id() for _ in range(SENT_BY_EACH)] for _ in people]
    async with AsyncExitStack() as opened:
        sockets = await open_sockets(opened, broken, people, people[0])
        sending = [say(socket, room.id, own) for socket, own in zip(sockets, ids, strict=False)]
        answers = await asyncio.gather(*sending)
        await check_order(people[0], room.id, sockets)
    messages = sorted((each for answer in answers for each in answer), key=lambda each: each["seq"])
    assert [each["seq"] for each in messages] == list(range(1, SENDERS * SENT_BY_EACH + 1))
    assert [[each["id"] for each in answer] for answer in answers] == ids
    stored = [each["id"] for each in messages]
    assert [await list_all(person, room.id) for person in people[:NODES]] == [stored] * NODES
    await check_nothing_left(broken)


async def test_order_and_ids_do_not_care_for_clocks_90_s_apart_and_one_that_steps_back(
    broken: Stack, folk: People, clocks: Clocks
) -> None:
    people = [await folk.register("user", node) for node in range(NODES)]
    for service in ("gateway", "messages"):
        clocks.move(service, 0, APART_S / 2)
        clocks.move(service, 1, -APART_S / 2)
    room_ids = [await people[0].create_room(members=tuple(people[1:])) for _ in range(20)]
    while not are_apart([uuid.UUID(each).int >> 80 for each in room_ids]):  # the bus chooses the process
        room_ids.append(await people[0].create_room(members=tuple(people[1:])))
    made = len(room_ids)
    room_id = room_ids[0]
    async with AsyncExitStack() as opened:
        sockets = await open_sockets(opened, broken, people, people[0])
        assert are_apart(
            [int(datetime.fromisoformat(told_time(each)).timestamp() * 1000) for each in sockets]
        )
        async with AsyncExitStack() as speaking:
            talkers = [await speaking.enter_async_context(talking(each, room_id)) for each in people]
            await eventually(lambda: all(len(each.acked) > 10 for each in talkers))
            for service in ("gateway", "messages"):
                clocks.move(service, 0, -APART_S / 2)
            room_ids += [await each.create_room() for each in people for _ in range(4)]
            said = [len(each.acked) + 10 for each in talkers]
            await eventually(lambda: all(len(each.acked) > n for each, n in zip(talkers, said, strict=True)))
        await check_whole(room_id, talkers, sockets)
    assert not [code for each in talkers for code in each.refusals]
    assert len(set(room_ids)) == made + 4 * NODES
    times = [each["created_at"] for each in await list_messages(people[0], room_id)]
    assert times == sorted(times)
    await check_nothing_left(broken)


def told_time(socket: Socket) -> str:
    return str(socket.ready["d"]["server_at"])


def are_apart(times_ms: list[int]) -> bool:
    """Whether the fault is there: two processes have really stamped these so far apart."""
    return max(times_ms) - min(times_ms) >= (APART_S - 5) * 1000


async def list_messages(person: Person, room_id: str) -> list[Json]:
    page = await person.rest("GET", f"/rooms/{room_id}/messages?after_seq=0&limit=100")
    return list(page["messages"])


async def test_tokens_are_taken_and_ended_by_nodes_with_other_clocks(
    broken: Stack, folk: People, clocks: Clocks
) -> None:
    clocks.move("auth", 0, APART_S)
    clocks.move("gateway", 1, -APART_S)
    person = await folk.register("user", 0)
    for url in broken.gateway_urls:
        async with person.socket(url) as socket:
            assert socket.ready["d"]["user"]["id"] == person.id
    clocks.move("auth", 0, -APART_S)
    clocks.move("gateway", 1, APART_S)
    await person.rest("POST", "/auth/logout")
    for person.url in broken.gateway_urls:
        await eventually(lambda: is_ended(person))


async def is_ended(person: Person) -> bool:
    try:
        await person.rest("GET", "/users/me")
    except Refused as refused:
        return refused.code == "unauthenticated"
    return False
