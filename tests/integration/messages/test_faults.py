"""What goes wrong around the writer: locks, poison, cut connections. Never a false ack, never a double."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from shared.contracts import messages, rooms
from shared.contracts.errors import ErrorCode
from shared.contracts.registry import Command
from shared.errors import ChatError
from shared.ids import new_id
from tests.integration.messages.world import Reply, World, eventually, refused

POISON = """
CREATE OR REPLACE FUNCTION messages.refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'poison' USING ERRCODE = 'XX001'; END $$;
CREATE TRIGGER poison BEFORE INSERT ON messages.messages FOR EACH ROW WHEN (NEW.text = 'poison')
EXECUTE FUNCTION messages.refuse_poison();
"""


@pytest.fixture
async def database(world: World) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(world.database_url)
    yield connection
    await connection.close()


async def code_of(attempt) -> str:
    try:
        await attempt
    except ChatError as exc:
        return exc.code
    return "ok"


async def ask_until_answered(
    world: World, command: Command[Any, Reply], user_id: str, **fields: Any
) -> Reply:
    """As a client does: the same, with the same id, again until there is an answer."""
    while True:
        try:
            return await world.ask(command, user_id, **fields)
        except ChatError as exc:
            if not exc.is_retryable:
                raise
            await asyncio.sleep(0.05)


async def test_a_locked_room_stalls_nobody_else(world: World, database: asyncpg.Connection):
    ann = new_id()
    locked, free = await world.room(ann), await world.room(ann)
    async with database.transaction():
        await database.execute("SELECT 1 FROM messages.rooms WHERE id = $1 FOR UPDATE", locked.id)
        waiting = [asyncio.ensure_future(code_of(world.send(ann, locked.id))) for _ in range(10)]
        for _ in range(5):
            await world.send(ann, free.id)
        assert not any(each.done() for each in waiting), "they still wait while the other room went on"
        assert set(await asyncio.gather(*waiting)) == {ErrorCode.UNAVAILABLE}
    assert (await world.send(ann, locked.id)).seq == 1


async def test_commands_that_waited_for_a_room_keep_their_order(world: World, database: asyncpg.Connection):
    ann = new_id()
    room = await world.room(ann)
    async with database.transaction():
        await database.execute("SELECT 1 FROM messages.rooms WHERE id = $1 FOR UPDATE", room.id)
        sending = [asyncio.ensure_future(world.send(ann, room.id, str(number))) for number in range(20)]
        await world.gateway.flush()
    sent = sorted(await asyncio.gather(*sending), key=lambda each: each.seq)
    assert [each.seq for each in sent] == list(range(1, 21))


async def test_a_locked_user_stalls_only_their_own_marks(world: World, database: asyncpg.Connection):
    ann, ben = new_id(), new_id()
    room, other = await world.room(ann, ben), await world.room(ann)
    await world.send(ann, room.id)
    async with database.transaction():
        await database.execute("SELECT 1 FROM messages.user_timelines WHERE user_id = $1 FOR UPDATE", ben)
        marking = asyncio.ensure_future(code_of(world.read(ben, room.id, 1)))
        codes = await asyncio.gather(*(code_of(world.send(ann, other.id)) for _ in range(10)))
        assert set(codes) == {"ok"}
        assert await marking == ErrorCode.UNAVAILABLE
    assert (await world.read(ben, room.id, 1)).unread == 0


async def test_a_poisoned_command_fails_alone(world: World, database: asyncpg.Connection):
    ann = new_id()
    room = await world.room(ann)
    heard = world.hear_room(room.id)
    await database.execute(POISON)
    try:
        texts = ["fine"] * 60
        texts[7] = texts[41] = "poison"
        codes = await asyncio.gather(*(code_of(world.send(ann, room.id, text)) for text in texts))
    finally:
        await database.execute("DROP TRIGGER poison ON messages.messages")
    assert [code for text, code in zip(texts, codes, strict=True) if text == "poison"] == ["internal"] * 2
    assert [code for text, code in zip(texts, codes, strict=True) if text == "fine"] == ["ok"] * 58
    await heard.until(58)
    assert sorted(heard.revs) == list(range(2, 60)), "no hole where the poison was"


async def test_cut_connections_are_told_and_nothing_is_doubled(world: World, database: asyncpg.Connection):
    ann = new_id()
    room = await world.room(ann)
    heard = world.hear_room(room.id)
    ids = [new_id() for _ in range(150)]
    cut = asyncio.Event()

    async def cut_often() -> None:
        for _ in range(5):
            await database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'chatcraft-messages' AND datname = current_database()"
            )
            await asyncio.sleep(0.05)
        cut.set()

    async def talk(part: list[str]) -> list[messages.SentMessage]:
        fields = {"room_id": room.id, "text": "x"}
        sent = [await ask_until_answered(world, messages.send, ann, **fields, id=each) for each in part]
        await cut.wait()
        return sent

    _, *spoken = await asyncio.gather(cut_often(), *(talk(ids[start::10]) for start in range(10)))
    sent = [each for part in spoken for each in part]
    assert sorted(each.message.seq for each in sent) == list(range(1, len(ids) + 1))
    # What was cut before its outbox row was deleted is told once more, the room itself too.
    await eventually(lambda: set(heard.revs) - {1} == set(range(2, len(ids) + 2)))
    assert (await ask_until_answered(world, rooms.get, ann, room_id=room.id)).rev == len(ids) + 1


async def test_bad_ids_reach_no_subject(world: World):
    ann = new_id()
    room = await world.room(ann)
    for bad in ("", "*", ">", "a.b", "x y", "\r\n", room.id.upper(), room.id + "\n"):
        with refused("invalid_input"):
            await world.send(ann, bad)
        with refused("invalid_input"):
            await world.send(ann, room.id, id=bad)
        with refused("invalid_input"):
            await world.get_room(ann, bad)


async def test_texts_that_no_database_takes_are_refused_before(world: World):
    ann = new_id()
    room = await world.room(ann)
    for bad in ("", " ", "\x00", "a\x00b", "\u200b", "x" * 16_001):
        with refused("invalid_input"):
            await world.send(ann, room.id, bad)
    raw = await world.gateway.request(
        messages.send.subject,
        b'{"room_id":"%b","id":"%b","text":"\\ud800"}' % (room.id.encode(), new_id().encode()),
        caller=world.caller(ann), timeout_s=5,
    )  # fmt: skip
    assert b"invalid_input" in raw
    assert (await world.get_room(ann, room.id)).rev == room.rev
