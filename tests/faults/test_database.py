"""PostgreSQL crashes, hangs, is full in every way: sends fail retryably, what is acked is kept, reads go on."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest

from deploy.local.postgres import postgres_url
from tests.faults.talking import Talker, list_all, talking
from tests.faults.wholeness import POOL, check_nothing_left, check_whole
from tests.stack import Stack
from tests.wire import Person, Refused, Socket, eventually, new_id

BACKEND = """
SELECT pid FROM pg_stat_activity WHERE application_name = 'chatcraft-messages' ORDER BY state_change DESC LIMIT 1
"""
PARTITION_OF = "SELECT DISTINCT tableoid::regclass::text FROM messages.messages WHERE room_id = $1"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'chatcraft'"
CUT_ALL = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'chatcraft'"


class Room:
    """A room of two who talk all the time, each through their own gateway, and both listen."""

    def __init__(self, room_id: str, talkers: tuple[Talker, Talker], sockets: tuple[Socket, Socket]) -> None:
        self.id = room_id
        self.talkers = talkers
        self.sockets = sockets

    @property
    def refusals(self) -> set[str]:
        return {code for talker in self.talkers for code in talker.refusals}

    async def goes_on(self, count: int = 5, timeout_s: float = 25) -> None:
        """Wait until both have had some more acked."""
        wanted = [len(talker.acked) + count for talker in self.talkers]
        pairs = list(zip(self.talkers, wanted, strict=True))
        await eventually(lambda: all(len(talker.acked) >= least for talker, least in pairs), timeout_s)


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
    except Refused as refused:
        if refused.code == "unavailable":
            assert refused.error["retry_after_ms"] > 0
        return str(refused.code)
    return "ok"


async def crash_the_server(broken: Stack, room: Room) -> None:
    await broken.kill("postgres", number=signal.SIGQUIT)
    for person in (each.person for each in room.talkers):
        assert await code_of(list_all(person, room.id)) == "unavailable"
        assert await code_of(person.send(room.id, "into the void")) == "unavailable"
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
            await room.goes_on(10, 10)
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
        async with talking(anna, other) as free:
            async with admin.transaction():
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
            reading = [
                asyncio.create_task(code_of(each.rest("GET", path))) for each in (anna, bert) for _ in range(30)
            ]
            await eventually(lambda: is_used_up(admin))
            assert set(await asyncio.gather(*reading)) == {"unavailable"}
            await room.goes_on(3)
        await room.goes_on()
        assert {await code_of(anna.rest("GET", path)) for _ in range(3)} == {"ok"}
    assert room.refusals <= {"unavailable"}


async def is_used_up(admin: asyncpg.Connection) -> bool:
    """Each process of the two has its pool waiting, but for what its writer and sweeper have in hand."""
    return bool(await admin.fetchval(WAITING) >= 2 * (POOL - 2))


async def test_without_a_free_connection_on_the_server_sends_are_refused_and_come_through_later(
    broken: Stack, anna: Person, bert: Person, admin: asyncpg.Connection
) -> None:
    async with room_of(broken, anna, bert) as room:
        await admin.execute("ALTER ROLE chatcraft CONNECTION LIMIT 0")
        try:
            await admin.fetchval(CUT_ALL)
            await eventually(lambda: room.refusals == {"unavailable"})
            assert await code_of(bert.send(room.id, "no room")) == "unavailable"
        finally:
            await admin.execute("ALTER ROLE chatcraft CONNECTION LIMIT -1")
        await room.goes_on(10)
    assert room.refusals == {"unavailable"}
