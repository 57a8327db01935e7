"""PostgreSQL crashes, hangs, is full, fails over: sends are refused retryably, what was acked is kept."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from deploy.local.data_dir import DataDir
from deploy.local.postgres import postgres_url
from tests.database_template import lay_database
from tests.faults.small_disk import on_small_disk
from tests.faults.standby import Standby, standby_of, with_port
from tests.faults.talking import Talker, created, list_all, talking
from tests.faults.wholeness import (
    POOL,
    SESSIONS,
    check_frames,
    check_nothing_left,
    check_stored,
    check_whole,
)
from tests.stack import Stack
from tests.tcp_proxy import TcpProxy
from tests.wire import Json, Person, Refused, Socket, eventually

pytestmark = pytest.mark.timeout(300)
BACKEND = """
SELECT pid FROM pg_stat_activity WHERE application_name = 'chatcraft-messages'
ORDER BY state_change DESC LIMIT 1
"""
PARTITION_OF = "SELECT DISTINCT tableoid::regclass::text FROM messages.messages WHERE room_id = $1"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'chatcraft'"
CUT_ALL = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'chatcraft'"
# The audit of a node comes at most 18 s apart; the rest is a busy machine's.
RELOADED_WITHIN_S = 60


class Room:
    """A room of two who talk all the time, each through their own gateway, and both listen."""

    def __init__(self, room_id: str, talkers: tuple[Talker, Talker], sockets: tuple[Socket, Socket]) -> None:
        self.id = room_id
        self.talkers = talkers
        self.sockets = sockets

    @property
    def refusals(self) -> set[str]:
        return {code for talker in self.talkers for code in talker.refusals}

    async def goes_on(self, count: int = 5, timeout_s: float = 60) -> None:
        """Wait until both have had some more acked."""
        wanted = [len(talker.acked) + count for talker in self.talkers]
        pairs = list(zip(self.talkers, wanted, strict=True))
        await eventually(lambda: all(len(talker.acked) >= least for talker, least in pairs), timeout_s)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataDir]:
    with DataDir.open(tmp_path_factory.mktemp("database") / "data") as opened:
        yield opened


@pytest.fixture(scope="module")
async def address(data_dir: DataDir) -> AsyncIterator[TcpProxy]:
    """Where the services find PostgreSQL: an address that can lead elsewhere."""
    async with TcpProxy(data_dir.port("postgres")) as proxy:
        yield proxy


@pytest.fixture(scope="module")
async def broken(data_dir: DataDir, address: TcpProxy) -> AsyncIterator[Stack]:
    await lay_database(data_dir)  # with its password
    env = {"CHATCRAFT_DATABASE_URL": with_port(postgres_url(data_dir), address.port)}
    async with Stack("test_database", data_dir, env=env) as running:
        yield running


@asynccontextmanager
async def room_of(broken: Stack, anna: Person, bert: Person) -> AsyncIterator[Room]:
    """Talk during the body; afterwards all must be whole."""
    room_id = await anna.create_room(members=(bert,))
    async with anna.socket() as here, bert.socket() as there:
        async with talking(anna, room_id) as one, talking(bert, room_id) as other:
            room = Room(room_id, (one, other), (here, there))
            await room.goes_on()
            yield room
        await check_whole(room_id, room.talkers, room.sockets)
    await check_nothing_left(broken)


@pytest.fixture
async def admin(broken: Stack) -> AsyncIterator[asyncpg.Connection]:
    """The superuser, whom no limit stops."""
    connection = await asyncpg.connect(postgres_url(broken._data_dir, as_admin=True))
    yield connection
    await connection.close()


async def code_of(call: Awaitable[object]) -> str:
    try:
        await call
    except Refused as exc:
        refused = exc
    else:
        return "ok"
    assert refused.code != "unavailable" or refused.error["retry_after_ms"] > 0
    return str(refused.code)


async def crash_the_server(broken: Stack, room: Room) -> None:
    await broken.kill("postgres", number=signal.SIGQUIT)
    try:
        for person in (each.person for each in room.talkers):
            assert await code_of(list_all(person, room.id)) == "unavailable"
            assert await code_of(person.send(room.id, "into the void")) == "unavailable"
    finally:
        await broken.restart("postgres")


async def crash_a_backend(broken: Stack, _room: Room) -> None:
    """As the kernel does when memory is short; PostgreSQL then throws everybody out and recovers."""
    connection = await asyncpg.connect(broken.endpoints.database_url)
    os.kill(await connection.fetchval(BACKEND), signal.SIGKILL)
    await eventually(connection.is_closed)


@pytest.mark.parametrize("crash", [crash_the_server, crash_a_backend])
async def test_when_postgresql_crashes_nothing_that_was_acked_is_lost(
    broken: Stack, anna: Person, bert: Person, crash: Callable[[Stack, Room], Awaitable[None]]
) -> None:
    async with room_of(broken, anna, bert) as room:
        await crash(broken, room)
        await room.goes_on(10)
    assert room.refusals <= {"unavailable"}


async def test_locked_rooms_refuse_in_time_and_are_read_while_the_others_go_on(
    broken: Stack, anna: Person, bert: Person, admin: asyncpg.Connection
) -> None:
    """More rooms than the writers have slow ways: those that wait for one are refused in time as well."""
    locked = [await anna.create_room() for _ in range(8)]
    for room_id in locked:
        await anna.send(room_id, "before")
    async with room_of(broken, anna, bert) as room:
        async with admin.transaction():
            await admin.execute("SELECT FROM messages.rooms WHERE id = ANY($1::uuid[]) FOR UPDATE", locked)
            sending = [asyncio.create_task(code_of(anna.send(each, "meanwhile"))) for each in locked]
            await room.goes_on(10)
            assert [len(await list_all(anna, each)) for each in locked] == [1] * 8
            assert set(await asyncio.gather(*sending)) == {"unavailable"}
        assert [(await anna.send(each, "after"))["seq"] for each in locked] == [2] * 8
    assert not room.refusals


async def test_a_locked_partition_does_not_hold_up_the_rooms_of_the_others(
    broken: Stack, anna: Person, bert: Person, admin: asyncpg.Connection
) -> None:
    """As while an index is built on it: nothing can be written there, all can be read."""
    async with room_of(broken, anna, bert) as room:
        partition = await admin.fetchval(PARTITION_OF, room.id)
        other = await anna.create_room()
        while (await anna.send(other, "before")) and await admin.fetchval(PARTITION_OF, other) == partition:
            other = await anna.create_room()
        async with talking(anna, other) as free, admin.transaction():
            await admin.execute(f"LOCK TABLE {partition} IN SHARE MODE")
            await eventually(lambda: room.refusals)
            said = len(free.acked)
            await eventually(lambda: len(free.acked) > said + 5)
            assert await list_all(bert, room.id)
        assert not free.refusals
        await room.goes_on()
    assert room.refusals <= {"unavailable"}


async def test_readers_that_hang_with_the_whole_pool_are_refused_and_no_send_is_lost(
    broken: Stack, anna: Person, bert: Person, admin: asyncpg.Connection
) -> None:
    async with room_of(broken, anna, bert) as room:
        message_id = room.talkers[0].acked[0]
        path = f"/rooms/{room.id}/messages/{message_id}/history"
        async with admin.transaction():
            await admin.execute("LOCK TABLE messages.message_history IN ACCESS EXCLUSIVE MODE")
            used_up = asyncio.Event()
            people = (anna, bert) * 2 * POOL
            reading = [asyncio.create_task(read_until(used_up, each, path)) for each in people]
            await eventually(lambda: is_used_up(admin))
            used_up.set()
            assert set().union(*await asyncio.gather(*reading)) == {"unavailable"}
            await room.goes_on(3)
        await room.goes_on()
        assert {await code_of(anna.rest("GET", path)) for _ in range(3)} == {"ok"}
    assert room.refusals <= {"unavailable"}


async def read_until(used_up: asyncio.Event, person: Person, path: str) -> set[str]:
    """Ask again and again: each is refused after a moment, and the last may come late. Returns the codes."""
    codes = {await code_of(person.rest("GET", path))}
    while not used_up.is_set():
        codes.add(await code_of(person.rest("GET", path)))
    return codes


async def is_used_up(admin: asyncpg.Connection) -> bool:
    """Each process of the two has its pool waiting, but for what its writer and sweeper have in hand."""
    await admin.execute("SELECT pg_stat_clear_snapshot()")  # or a transaction sees what it saw first
    return bool(await admin.fetchval(WAITING) >= 2 * (POOL - 2))


async def test_without_a_free_connection_on_the_server_sends_are_refused_and_come_through_later(
    broken: Stack, anna: Person, bert: Person, admin: asyncpg.Connection
) -> None:
    async with room_of(broken, anna, bert) as room:

        async def is_cut_off() -> bool:
            left = await admin.fetchval(CUT_ALL)  # one that was just being opened, too
            return not left and bool(room.refusals)

        await admin.execute("ALTER ROLE chatcraft CONNECTION LIMIT 0")
        try:
            await eventually(is_cut_off)
            assert await code_of(bert.send(room.id, "no room")) == "unavailable"
        finally:
            await admin.execute("ALTER ROLE chatcraft CONNECTION LIMIT -1")
        await room.goes_on(10)
    # On a machine that is busy, one that was under way may have waited for as long as a command may take.
    assert room.refusals <= {"unavailable", "timeout"}


async def test_on_a_full_disk_sends_are_refused_all_is_read_and_space_mends_it(
    broken: Stack, anna: Person, bert: Person
) -> None:
    other = await anna.create_room()
    await anna.send(other, "before")
    async with on_small_disk(broken) as disk, room_of(broken, anna, bert) as room:
        disk.fill()
        # Pages that are there already have some space left; long texts soon need new ones.
        codes = [await code_of(anna.send(other, long_text())) for _ in range(5)]
        codes += await asyncio.gather(*(code_of(anna.send(other, long_text())) for _ in range(20)))
        assert set(codes) <= {"ok", "unavailable"}
        assert codes[-1] == "unavailable"
        assert len(await list_all(anna, other)) == 1 + codes.count("ok")
        await eventually(lambda: room.refusals)
        assert await list_all(bert, room.id)
        disk.clear()
        await room.goes_on()
        assert (await anna.send(other, long_text()))["seq"] == 2 + codes.count("ok")
    assert room.refusals == {"unavailable"}


def long_text() -> str:
    """One that cannot be compressed."""
    return os.urandom(6_000).hex()


async def test_a_promoted_standby_has_all_that_was_acked_and_everybody_reloads(
    broken: Stack, anna: Person, bert: Person, tmp_path: Path, address: TcpProxy
) -> None:
    """The address leads to it before it is promoted, as it may where somebody else decides that."""
    room_id = await anna.create_room(members=(bert,))
    async with standby_of(broken, tmp_path / "standby") as standby, leading_back(address) as proxy:
        async with AsyncExitStack() as opened:
            async with talking(anna, room_id) as one, talking(bert, room_id) as other:
                async with anna.socket() as here, bert.socket() as there:
                    room = Room(room_id, (one, other), (here, there))
                    await room.goes_on()
                    held = position_of(here, room_id)
                    await fail_over(broken, room, standby, proxy)
                    codes = [await each.wait_closed(RELOADED_WITHIN_S) for each in room.sockets]
                    assert codes == [1012, 1012]
                readers = [await opened.enter_async_context(each.socket(sync=False)) for each in (anna, bert)]
                for reader in readers:
                    await reload(reader, room_id, held)
                await room.goes_on()
            stored = await check_stored(room_id, room.talkers)
            for reader in readers:
                await reader.wait_for_event("message.created", id=stored[-1])
                heard = created(reader, room_id)
                assert heard == stored[-len(heard) :]
                check_frames(reader, room_id)
        await check_nothing_left(broken, standby.admin_url)
    assert room.refusals <= {"unavailable"}


@asynccontextmanager
async def leading_back(address: TcpProxy) -> AsyncIterator[TcpProxy]:
    first = address.target_port
    try:
        yield address
    finally:
        address.lead_to(first)


async def fail_over(broken: Stack, room: Room, standby: Standby, proxy: TcpProxy) -> None:
    await broken.kill("postgres", number=signal.SIGQUIT)
    proxy.lead_to(standby.port)
    refused = room.talkers[0].refusals
    await eventually(lambda: refused.total() > 20)
    assert await code_of(list_all(room.talkers[0].person, room.id)) == "unavailable"
    assert await standby.ask(SESSIONS) <= 2 * POOL
    await standby.promote()
    await room.goes_on()


def position_of(socket: Socket, room_id: str) -> Json:
    last = socket.of_room(room_id)[-1]
    return {"epoch": last["epoch"], "rev": last["rev"]}


async def reload(reader: Socket, room_id: str, held: Json) -> None:
    reader.synced = await reader.call("sync", {"rooms": {room_id: held}})
    [element] = reader.synced["rooms"]
    assert element["state"] == "reset"
    assert element["position"]["epoch"] > held["epoch"]
