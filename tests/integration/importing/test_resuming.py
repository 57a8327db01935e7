"""Killed at any moment and run again; run again later with more; run into what others did meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from bench.slack_export import write
from deploy.importing.slack.ids import Ids
from shared.contracts import rooms
from shared.ids import new_id
from tests.databases import DatabaseFactory
from tests.integration.importing.command import (
    DEADLINE_S,
    ImportProcess,
    check_rules,
    read_state,
    run_import,
)
from tests.integration.messages.world import World, eventually_in
from tests.slack_export import (
    ADA,
    BEN,
    CHANNELS,
    CLEO,
    DAY_2,
    GENERAL,
    GENERAL_DAY_2,
    GUS,
    NOON_2,
    SECRET,
    TEAM,
    USERS,
    say,
    ts,
    write_export,
)

IDS = Ids(TEAM)
ROOM = IDS.room(GENERAL)
PEOPLE = {key: IDS.person(key) for key in (ADA, BEN, CLEO, GUS)}


@pytest.fixture
async def databases_of_two(databases: DatabaseFactory) -> AsyncIterator[list[tuple[str, asyncpg.Connection]]]:
    """Two empty ones, to compare what came of two ways."""
    urls = [await databases.create() for _ in range(2)]
    connections = [await asyncpg.connect(url) for url in urls]
    yield list(zip(urls, connections, strict=True))
    for url, connection in zip(urls, connections, strict=True):
        await connection.close()
        await databases.drop(url)


async def test_killed_again_and_again_it_comes_to_the_same_end(
    databases_of_two: list[tuple[str, asyncpg.Connection]], tmp_path: Path
):
    (whole_url, whole), (broken_url, broken) = databases_of_two
    export = tmp_path / "big.zip"
    write(export, messages=12_000, channels=12, users=40, seed=7)
    await run_import(export, whole_url)
    for stored in (1, 2_000, 4_000):  # long before the end: the kill may be late
        killed = ImportProcess(export, env={"CHATCRAFT_DATABASE_URL": broken_url})
        await killed.start()
        await eventually_in(broken, f"SELECT count(*) >= {stored} FROM messages.messages", DEADLINE_S)
        await killed.kill()
        assert await broken.fetchval("SELECT count(*) FROM messages.messages") < 12_000
    await run_import(export, broken_url)
    await check_rules(broken)
    assert await read_state(broken) == await read_state(whole)


async def test_a_room_is_closed_and_empty_of_members_until_its_history_is_whole(
    databases_of_two: list[tuple[str, asyncpg.Connection]], tmp_path: Path
):
    url, database = databases_of_two[0]
    export = tmp_path / "big.zip"
    write(export, messages=6_000, channels=1, users=10, seed=8)
    killed = ImportProcess(export, env={"CHATCRAFT_DATABASE_URL": url})
    await killed.start()
    await eventually_in(database, "SELECT count(*) >= 1 FROM messages.messages", DEADLINE_S)
    await killed.kill()
    assert await database.fetchval("SELECT archived_at IS NOT NULL AND member_count = 0 FROM messages.rooms")
    await run_import(export, url)
    assert await database.fetchval("SELECT archived_at IS NULL AND member_count = 10 FROM messages.rooms")


async def test_a_larger_export_later_adds_what_is_new(
    databases_of_two: list[tuple[str, asyncpg.Connection]], tmp_path: Path
):
    url, database = databases_of_two[0]
    first = {f"general/{DAY_2}.json": None, "mpims.json": None, "mpdm-ada--ben--cleo-1/2024-03-01.json": None}
    await run_import(write_export(tmp_path / "first.zip", first), url)
    before = await database.fetchval("SELECT last_seq FROM messages.rooms WHERE id = $1", ROOM)
    channels = [CHANNELS[0] | {"members": [*CHANNELS[0]["members"], GUS]}, *CHANNELS[1:]]
    more = [*GENERAL_DAY_2, say(BEN, 20, "late reply", NOON_2, thread_ts=ts(1))]
    second = {"channels.json": channels, f"general/{DAY_2}.json": more}
    outcome = await run_import(write_export(tmp_path / "second.zip", second), url)
    assert outcome.counts["accounts that were there"] == 7
    assert outcome.counts["new accounts"] == 2
    assert outcome.counts["new memberships"] == 4
    assert await database.fetchval("SELECT last_seq FROM messages.rooms WHERE id = $1", ROOM) > before
    root = IDS.message(GENERAL, int(ts(1).replace(".", "")))
    replies = await database.fetch(
        "SELECT text FROM messages.messages WHERE room_id = $1 AND thread_id = $2 ORDER BY seq", ROOM, root
    )
    assert [reply[0] for reply in replies] == ["first reply", "second, told to all", "late reply"]
    await check_rules(database)


async def test_who_left_and_what_was_renamed_since_stays_so(
    world: World, database: asyncpg.Connection, tmp_path: Path
):
    await run_import(
        write_export(tmp_path / "first.zip", {f"general/{DAY_2}.json": None}), world.database_url
    )
    await world.ask(rooms.leave, PEOPLE[CLEO], room_id=ROOM)
    await world.ask(rooms.update, PEOPLE[ADA], room_id=ROOM, name="Everybody")
    unread = await world.send(PEOPLE[ADA], ROOM, "after the import")
    await world.read(PEOPLE[BEN], ROOM, unread.seq - 1, unread=True)
    await eventually_in(database, "SELECT count(*) = 0 FROM messages.outbox")
    heard = world.hear_room(ROOM)
    await run_import(write_export(tmp_path / "second.zip"), world.database_url)
    room = await world.get_room(PEOPLE[ADA], ROOM)
    assert (room.name, room.member_count) == ("Everybody", 3)
    assert PEOPLE[CLEO] not in await world.members(PEOPLE[ADA], ROOM)
    assert (await world.membership(PEOPLE[ADA], ROOM)).unread == 0, "who had read all has still"
    left_unread = (await world.membership(PEOPLE[BEN], ROOM)).unread
    others = [
        each
        for each in (await world.list(PEOPLE[BEN], ROOM, after_seq=unread.seq - 1, limit=100)).messages
        if each.sender_id != PEOPLE[BEN]
    ]
    assert left_unread == len(others)
    await heard.until(1)
    assert (heard.names, heard.revs) == (["room.updated"], [room.rev]), "one event shows the gap to all"


async def test_a_room_that_somebody_made_with_the_id_is_left_alone(
    world: World, database: asyncpg.Connection, tmp_path: Path
):
    """Ids can be foretold: whoever makes the room first must not be let in on what comes."""
    mallory = new_id()
    other = write_export(tmp_path / "other.zip")
    secret = Ids("other").room(SECRET)
    await world.room(mallory, id=secret, kind="private", name="secret")
    outcome = await run_import(other, world.database_url, "--team", "other")
    assert outcome.find_left("another room has its id") == 1
    assert (await world.get_room(mallory, secret)).last_seq == 0
    count = await database.fetchval("SELECT count(*) FROM messages.memberships WHERE room_id = $1", secret)
    assert count == 1


async def test_who_is_in_as_many_rooms_as_may_be_stays_out_of_more(
    databases_of_two: list[tuple[str, asyncpg.Connection]], tmp_path: Path
):
    url, database = databases_of_two[0]
    await database.execute(
        "INSERT INTO messages.user_timelines (user_id, rev, room_count) VALUES ($1, 1000, 1000)", PEOPLE[BEN]
    )
    outcome = await run_import(write_export(tmp_path / "export.zip"), url)
    assert outcome.find_left("in 1,000 rooms") == 3
    assert outcome.find_left("as many rooms as anybody may be") == 2, "a direct message with him cannot be"
    assert not await database.fetch("SELECT 1 FROM messages.memberships WHERE user_id = $1", PEOPLE[BEN])
    assert not await database.fetch("SELECT 1 FROM messages.rooms WHERE kind = 'group_dm'")


async def test_two_imports_at_once_do_not_double(
    databases_of_two: list[tuple[str, asyncpg.Connection]], tmp_path: Path
):
    (url, database), (other_url, other) = databases_of_two
    exports = [write_export(tmp_path / f"{number}.zip") for number in range(2)]
    await asyncio.gather(*(run_import(export, url) for export in exports))
    await run_import(exports[0], other_url)
    await check_rules(database)
    assert len((await read_state(database))[2]) == len((await read_state(other))[2])


async def test_accounts_are_found_by_a_verified_address_and_names_are_numbered(
    databases_of_two: list[tuple[str, asyncpg.Connection]], tmp_path: Path
):
    url, database = databases_of_two[0]
    known, taken = new_id(), new_id()
    add = (
        "INSERT INTO auth.users (id, username, display_name, display_key, role, bio, email, email_verified, "
        "created_at) VALUES ($1, $2, $2, $2, 'member', '', $3, $4, now())"
    )
    await database.execute(add, known, "ada.elsewhere", "ADA@example.com", True)
    await database.execute(add, taken, "ben.k", "ben.k@example.com", False)
    users = [*USERS, USERS[1] | {"id": "U0BEN2"}]
    outcome = await run_import(write_export(tmp_path / "a.zip", {"users.json": users}), url)
    creator = await database.fetchval("SELECT created_by::text FROM messages.rooms WHERE id = $1", ROOM)
    assert creator == known
    names = await database.fetch("SELECT username FROM auth.users WHERE username LIKE 'ben%' ORDER BY 1")
    assert [each[0] for each in names] == ["ben.k", "ben.k-2", "ben.k-3"]
    assert outcome.find_left("name that was taken") == 2
    await database.execute("UPDATE auth.users SET email_verified = false WHERE id = $1", known)
    again = await run_import(write_export(tmp_path / "b.zip", {"users.json": users}), url)
    assert "new accounts" not in again.counts, "who was found once is found by that"
