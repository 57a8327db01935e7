"""`chatcraft admin verify`: silent on a sound database, and names what is broken by hand, and only that."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import asyncpg
import pytest

from services.messages.verifying import Summary, verify
from services.messages.verifying.findings import Finding
from shared.contracts import members, rooms
from shared.contracts.entities import Room
from shared.errors import ChatError
from shared.ids import new_id
from tests.integration.messages.world import World, eventually_in
from tests.up_process import run_program

ANN, BOB, CID, DOT = (new_id() for _ in range(4))


class Scene:
    """A busy room and a conversation, and who is who in the statements that break them."""

    def __init__(self, world: World, database: asyncpg.Connection) -> None:
        self.world = world
        self.database = database
        self.names: dict[str, str] = {"ann": ANN, "bob": BOB, "cid": CID, "dot": DOT, "stranger": new_id()}

    async def play(self) -> None:
        world = self.world
        room = await world.room(ANN, BOB, CID, kind="public")
        self.names["room"] = room.id
        for name in ("first", "second", "third"):
            self.names[name] = (await world.send(ANN, room.id, f"<@{BOB}> <!room> {name}")).id
        await world.send(BOB, room.id, "bob's")
        replies = [await world.send(BOB, room.id, "reply", thread_id=self.names["first"]) for _ in range(3)]
        self.names |= {"reply": replies[0].id, "last": replies[2].id}
        await world.delete(BOB, replies[1])
        edited = await world.send(ANN, room.id, "before")
        await world.edit(ANN, edited, "after")
        gone = await world.send(ANN, room.id, f"<@{BOB}> to be deleted")
        await world.delete(ANN, gone)
        self.names |= {"edited": edited.id, "gone": gone.id}
        await self._react(room)
        await world.read(BOB, room.id, 2, unread=True)
        await world.ask(rooms.leave, CID, room_id=room.id)
        await world.ask(rooms.join, DOT, room_id=room.id)
        await world.ask(members.set_role, ANN, room_id=room.id, user_id=BOB, role="moderator")
        await world.ask(rooms.open_dm, ANN, user_ids=[BOB])
        self.names["dm"] = (await world.ask(rooms.open_dm, ANN, user_ids=[BOB, CID])).id
        await world.send(CID, self.names["dm"], "hello")
        await eventually_in(self.database, "SELECT count(*) = 0 FROM messages.outbox")

    async def _react(self, room: Room) -> None:
        shown = [{"emoji": "👍", "count": 2, "user_ids": [BOB, ANN]}]
        await self.execute(
            """
            INSERT INTO messages.reactions (room_id, message_id, emoji, user_id, rev)
            SELECT '{room}', '{second}', '👍', k.user_id, k.rev
            FROM (VALUES ('{bob}'::uuid, 1), ('{ann}', 2)) AS k(user_id, rev);
            UPDATE messages.messages SET reactions = '%s' WHERE room_id = '{room}' AND id = '{second}'
            """,
            str(shown).replace("'", '"'),
        )

    async def execute(self, statement: str, *parts: str) -> None:
        """Run a statement with names in braces."""
        named = re.sub(r"\{(\w+)\}", lambda found: self.names[found[1]], statement)
        await self.database.execute(named % parts if parts else named)

    async def verify(self, room_id: str | None = None) -> tuple[list[Finding], Summary]:
        found: list[Finding] = []
        connection = await asyncpg.connect(self.world.database_url)
        try:
            summary = await verify(connection, found.append, lambda _summary: None, room_id)
        finally:
            await connection.close()
        return found, summary


@pytest.fixture(scope="module")
async def scene(world: World) -> AsyncIterator[Scene]:
    database = await asyncpg.connect(world.database_url)
    made = Scene(world, database)
    await made.play()
    yield made
    await database.close()


async def test_a_sound_database_is_silent(scene: Scene):
    found, summary = await scene.verify()
    assert found == []
    assert (summary.rooms, summary.users, summary.findings) == (3, 4, 0)
    found, summary = await scene.verify(scene.names["room"])
    assert (found, summary.rooms, summary.users) == ([], 1, 0)


AGE = """
UPDATE messages.messages SET created_at = now() - interval '2 days'
WHERE room_id = $1 AND thread_id IS NULL AND seq < (SELECT last_seq - 5 FROM messages.rooms WHERE id = $1)
"""


async def test_a_busy_database_is_silent_too(scene: Scene):
    """Everything is on its way while it looks: no state in passing is taken for a wrong one."""
    world, database = scene.world, scene.database
    people = [new_id() for _ in range(4)]
    room = await world.room(people[0], *people[1:], kind="public")
    await world.ask(rooms.update, people[0], room_id=room.id, settings={"retention_days": 1})

    is_over = False

    async def keep_busy(who: str, number: int) -> None:
        root = None
        while not is_over:
            sent = await world.send(who, room.id, f"<@{people[0]}> <!room>")
            root = root or sent
            with suppress(ChatError):  # messages expire
                reply = await world.send(who, room.id, "reply", thread_id=root.id)
                await world.delete(who, reply)
            with suppress(ChatError):
                await world.delete(who, sent)
            await world.read(who, room.id, max(0, sent.seq - number), unread=True)
            await world.ask(rooms.open_dm, who, user_ids=[new_id()])
            if number:
                await world.ask(rooms.leave, who, room_id=room.id)
                await world.ask(rooms.join, who, room_id=room.id)

    async with AsyncExitStack() as stack:
        await world.start(stack, messages_retention_every_s=0.05)
        busy = [asyncio.create_task(keep_busy(who, number)) for number, who in enumerate(people)]
        rounds = 0
        # Until it has looked on while messages expired, and for some rounds at least.
        while rounds < 8 or (await world.get_room(people[0], room.id)).first_seq == 1:
            rounds += 1
            await database.execute(AGE, room.id)
            assert await world.verify() == []
        assert not any(task.done() for task in busy), busy
        is_over = True  # not cancelled: what is on its way would go on while the next test looks
        await asyncio.gather(*busy)


_MESSAGE = "UPDATE messages.messages SET {} WHERE room_id = '{{room}}' AND id = '{{{}}}'"
_ROOM = "UPDATE messages.rooms SET {} WHERE id = '{{room}}'"
_MEMBER = "UPDATE messages.memberships SET {} WHERE room_id = '{{room}}' AND user_id = '{{{}}}'"

BREAKAGES: dict[str, tuple[str, set[str], Any]] = {
    "a message is lost": (
        "DELETE FROM messages.messages WHERE room_id = '{room}' AND id = '{edited}'",
        {"main_seq", "history"}, r"seq 1 to 6; it holds 5 messages, from 1 to 6"),
    "the last message is lost": (
        "DELETE FROM messages.messages WHERE room_id = '{room}' AND id = '{gone}'",
        {"main_seq"}, "from 1 to 5"),
    "the room's last_seq is behind": (
        _ROOM.format("last_seq = 5"),
        {"main_seq", "read_seq"}, "seq 1 to 5; it holds 6"),
    "first_seq jumped": (_ROOM.format("first_seq = 9"), {"main_seq", "read_seq"}, "seq 9 to 6"),
    "purged_seq jumped": (_ROOM.format("purged_seq = 2"), {"purged_seq"}, "up to seq 2 should be deleted, 2"),
    "a reply is lost": (
        "DELETE FROM messages.messages WHERE room_id = '{room}' AND id = '{reply}'",
        {"thread_seq", "reply_count"}, "seq 1 to 3; it holds 2 replies, from 2 to 3"),
    "a thread's number is wrong": (_MESSAGE.format("thread_last_seq = 4", "first"), {"thread_seq"}, "1 to 4"),
    "a root is lost": (
        ("DELETE FROM messages.messages WHERE room_id = '{room}' AND id = '{first}';"
         "DELETE FROM messages.mentions WHERE message_id = '{first}'"),
        {"main_seq", "thread_root"}, "3 replies to a message that is not there"),
    "replies are miscounted": (
        _MESSAGE.format("reply_count = 3", "first"),
        {"reply_count"}, "is 3, .* are 2"),
    "the last reply is of another time": (
        _MESSAGE.format("last_reply_at = now() + interval '1 day'", "first"),
        {"last_reply_at"}, "last_reply_at"),
    "two messages have one rev": (
        ("UPDATE messages.messages g SET rev = o.rev FROM messages.messages o WHERE g.room_id = '{room}'"
         " AND o.room_id = '{room}' AND g.id = '{second}' AND o.id = '{third}'"),
        {"rev_unique"}, "is of 2 rows: message .*, message "),
    "a member has a message's rev": (
        ("UPDATE messages.memberships m SET rev = o.rev FROM messages.messages o WHERE m.room_id = '{room}'"
         " AND m.user_id = '{ann}' AND o.room_id = '{room}' AND o.id = '{third}'"),
        {"rev_unique"}, "member .*, message "),
    "the room's rev is behind": (_ROOM.format("rev = 5"), {"room_rev"}, "at rev 5, a row of it at"),
    "a reaction is ahead of the room": (
        "UPDATE messages.reactions SET rev = 999 WHERE room_id = '{room}' AND user_id = '{ann}'",
        {"room_rev"}, "a row of it at 999"),
    "members are miscounted": (_ROOM.format("member_count = 2"), {"member_count"}, "is 2, .* are 3"),
    "a read mark is above the room": (_MEMBER.format("read_seq = 7", "dot"), {"read_seq"}, "read_seq is 7"),
    "own messages are miscounted": (_MEMBER.format("own_above = 0", "bob"), {"own_above"}, "is 0, .* are 1"),
    "a member is not in their own list": (
        "DELETE FROM messages.user_rooms WHERE room_id = '{room}' AND user_id = '{dot}'",
        {"user_rooms", "room_count"}, "says nothing"),
    "who left is in their own list": (
        "UPDATE messages.user_rooms SET left_reason = NULL WHERE room_id = '{room}' AND user_id = '{cid}'",
        {"user_rooms", "room_count"}, "is gone; .* says a member"),
    "a list names a room that nobody is in": (
        "INSERT INTO messages.user_rooms (user_id, room_id, user_rev) VALUES ('{dot}', '{stranger}', 1)",
        {"user_rooms", "room_count"}, "its members do not know them"),
    "a user's rooms are miscounted": (
        "UPDATE messages.user_timelines SET room_count = 9 WHERE user_id = '{ann}'", {"room_count"}, "is 9"),
    "a user's timeline is behind": (
        "UPDATE messages.user_timelines SET rev = 0 WHERE user_id = '{ann}'", {"user_rev"}, "at user_rev 0"),
    "a user's timeline is lost": (
        "DELETE FROM messages.user_timelines WHERE user_id = '{dot}'", {"user_rev"}, "that is not there"),
    "a conversation has another's id": (
        "UPDATE messages.rooms SET user_ids = user_ids[1:2], kind = 'dm' WHERE id = '{dm}'",
        {"dm_id"}, "the id of its 2 people would be"),
    "somebody left a conversation": (
        "UPDATE messages.memberships SET left_at = now() WHERE room_id = '{dm}' AND user_id = '{bob}'",
        {"dm_members", "member_count", "user_rooms"}, "of 3 people, present are 2"),
    "a mention is lost": (
        "DELETE FROM messages.mentions WHERE message_id = '{third}' AND user_id IS NOT NULL",
        {"mentions"}, "there is no row of it"),
    "a mention is of nobody's": (
        ("INSERT INTO messages.mentions (room_id, message_id, sender_id, seq)"
         " VALUES ('{room}', '{edited}', '{ann}', 5)"),
        {"mentions"}, "for the room is of no mention"),
    "a reaction is lost": (
        "DELETE FROM messages.reactions WHERE room_id = '{room}' AND user_id = '{ann}'",
        {"reactions"}, "shows 2 of 👍, given were 1"),
    "reactions are shown in another order": (
        "UPDATE messages.reactions SET rev = 3 - rev WHERE room_id = '{room}'",
        {"reactions"}, "another order"),
    "a deleted message has its text": (
        _MESSAGE.format("text = 'secret'", "gone"),
        {"deleted"}, "has its text"),
    "a deleted message is pinned": (_MESSAGE.format("pinned_at = now()", "gone"), {"pins"}, "is pinned"),
    "a deleted message has a history": (
        ("INSERT INTO messages.message_history (room_id, message_id, rev, text, written_at)"
         " VALUES ('{room}', '{gone}', 1, 'secret', now())"),
        {"history"}, "1 earlier texts are kept"),
    "rows are of a room that is lost": (
        "DELETE FROM messages.rooms WHERE id = '{room}'", {"room"}, "of a room that is not there"),
    "the feed is behind": (
        ("INSERT INTO messages.outbox (id, created_at, claimed_by, claimed_until, events)"
         " VALUES ('{stranger}', now() - interval '2 minutes', '{ann}', now() + interval '1 hour', '')"),
        {"outbox"}, "1 batches of events .* for 12"),
    "the history is another": (
        "UPDATE messages.deployment SET timeline_id = 0",
        {"epoch"}, "the epoch is of"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKAGES)
async def test_what_is_broken_is_named_and_nothing_else(scene: Scene, name: str):
    statement, checks, words = BREAKAGES[name]
    backup = {}
    for table in TABLES:
        backup[table] = await scene.database.fetch(f"SELECT t::text AS row FROM messages.{table} t")
    await scene.execute(statement)
    try:
        found, summary = await scene.verify()
    finally:
        await restore(scene.database, backup)
    assert {each.check for each in found} == checks, found
    assert any(re.search(words, str(each)) for each in found), found
    assert summary.findings == len(found)


TABLES = (
    "rooms", "memberships", "messages", "mentions", "reactions", "message_history", "user_timelines",
    "user_rooms", "outbox", "deployment",
)  # fmt: skip


WRITABLE = """
SELECT array_agg(column_name::text) FROM information_schema.columns
WHERE table_schema = 'messages' AND table_name = $1 AND is_generated = 'NEVER'
"""


async def restore(database: asyncpg.Connection, backup: dict[str, list[Any]]) -> None:
    async with database.transaction():
        for table, records in backup.items():
            columns = await database.fetchval(WRITABLE, table)
            named = ", ".join(f"(k.row::messages.{table}).{column}" for column in columns)
            await database.execute(f"DELETE FROM messages.{table}")
            await database.execute(
                f"INSERT INTO messages.{table} ({', '.join(columns)})"
                f" SELECT {named} FROM unnest($1::text[]) AS k(row)",
                [record["row"] for record in records],
            )


async def test_the_program_prints_a_line_for_each_finding_and_fails(scene: Scene):
    environment = {"CHATCRAFT_DATABASE_URL": scene.world.database_url}
    program = (sys.executable, "-P", "-m", "services.messages.admin", "verify")
    code, lines = await run_program(*program, env=environment)
    assert (code, lines) == (0, [lines[-1]])
    assert lines[-1].endswith("nothing is wrong.")
    await scene.execute(_ROOM.format("member_count = member_count + 1"))
    try:
        code, lines = await run_program(*program, "--room", scene.names["room"], env=environment)
    finally:
        await scene.execute(_ROOM.format("member_count = member_count - 1"))
    assert code == 1
    assert lines[0] == f"room {scene.names['room']}: member_count: member_count is 4, members present are 3"
    assert lines[1].endswith("1 finding.")
    assert (await run_program(*program, "--room", new_id(), env=environment))[0] == 1
    assert (await run_program(*program, "--room", "'; DROP", env=environment))[0] == 2
