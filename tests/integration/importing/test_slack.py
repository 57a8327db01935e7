"""A Slack export imported by the command, read back through the service's doors."""

import json
from pathlib import Path

import asyncpg
import pytest

from deploy.importing.slack.ids import Ids
from shared.contracts.entities import Message
from shared.ids import dm_room_id
from tests.integration.importing.command import Outcome, check_rules, read_state, run_import
from tests.integration.messages.world import World, refused
from tests.slack_export import (
    ADA,
    BEN,
    CLEO,
    DEE,
    GENERAL,
    JENKINS,
    NOON_1,
    NOON_2,
    OLD,
    RANDOM,
    SECRET,
    STRANGER,
    TEAM,
    ts,
    write_export,
)

IDS = Ids(TEAM)
ROOM = IDS.room(GENERAL)
PEOPLE = {key: IDS.person(key) for key in (ADA, BEN, CLEO, DEE, JENKINS, STRANGER, "B0HOOK")}


def message_id(number: int, noon: int = NOON_1) -> str:
    return IDS.message(GENERAL, int(ts(number, noon).replace(".", "")))


@pytest.fixture(scope="module")
async def imported(world: World, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    export = write_export(tmp_path_factory.mktemp("export") / "export.zip")
    return await run_import(export, world.database_url)


async def listed(world: World, room_id: str = ROOM, thread_id: str | None = None) -> list[Message]:
    return (await world.list(PEOPLE[ADA], room_id, thread_id=thread_id, limit=100)).messages


async def test_every_message_is_in_its_place_with_its_time_and_sender(world: World, imported: Outcome):
    found = await listed(world)
    assert [each.seq for each in found] == list(range(1, len(found) + 1))
    assert [each.id for each in found][:6] == [message_id(number) for number in (1, 3, 5, 6, 7, 8)]
    first = found[0]
    assert first.text == (
        f"Hello **all** <@{PEOPLE[BEN]}> <!room> 🎉 see [the *plan*](https://example.com/a)"
    )
    assert (first.sender_id, first.created_at) == (PEOPLE[ADA], "2024-03-01T12:00:01.000Z")
    assert (first.edited_at, first.pinned_at) == ("2024-03-01T12:00:09.000Z", "2024-03-01T12:01:00.000Z")
    assert (first.mentions.user_ids, first.mentions.room) == ([PEOPLE[BEN]], True)


async def test_threads_hang_from_their_roots(world: World, imported: Outcome):
    root = (await listed(world))[0]
    replies = await listed(world, thread_id=root.id)
    assert [(each.seq, each.text) for each in replies] == [(1, "first reply"), (2, "second, told to all")]
    assert (root.reply_count, root.last_reply_at) == (2, replies[1].created_at)
    gone = next(each for each in await listed(world) if each.deleted_at)
    assert (gone.id, gone.text, gone.reply_count) == (message_id(2, NOON_2), "", 1)
    orphan = next(each for each in await listed(world) if each.text == "reply to what never was")
    assert orphan.thread_id is None
    assert imported.find_left("reply without the message") == 1


async def test_bots_strangers_and_the_deleted_said_what_they_said(world: World, imported: Outcome):
    by_text = {each.text.split("\n")[0].strip(): each.sender_id for each in await listed(world)}
    assert by_text["> **[Build 7](https://ci.example.com/7)**"] == PEOPLE["B0HOOK"]
    assert by_text["build me"] == PEOPLE[JENKINS]
    assert by_text["I left"] == PEOPLE[STRANGER]
    assert by_text["_waves_"] == PEOPLE[ADA]
    assert by_text["I said @nobody `a < b`"] == PEOPLE[DEE]
    assert by_text["half a \ufffd surrogate"] == PEOPLE[BEN]


async def test_files_are_links_without_secrets(world: World, imported: Outcome):
    [files] = [each.text for each in await listed(world) if "files" in each.text]
    assert files == (
        "[The plan](https://x.slack.com/files/U/F1/plan.pdf) (1.2 MB)\n[log](https://files.slack.com/F3)"
    )


async def test_a_long_message_is_several_side_by_side(world: World, imported: Outcome):
    parts = [each for each in await listed(world) if each.text.startswith("long")]
    assert [each.seq - parts[0].seq for each in parts] == [0, 1, 2]
    assert " ".join(each.text for each in parts).split() == ["long"] * 8_000


async def test_reactions_are_rows_and_shown(database: asyncpg.Connection, imported: Outcome):
    rows = await database.fetch(
        "SELECT emoji, user_id::text FROM messages.reactions WHERE message_id = $1", message_id(1)
    )
    expected = [("👍", ADA), ("👍", BEN), ("👍", CLEO), ("👋🏼", BEN), (":party-parrot:", ADA)]
    assert sorted(map(tuple, rows)) == sorted((emoji, PEOPLE[user]) for emoji, user in expected)
    shown = await database.fetchval(
        "SELECT reactions->0 FROM messages.messages WHERE room_id = $1 AND id = $2", ROOM, message_id(1)
    )
    user_ids = [PEOPLE[each] for each in (BEN, CLEO, ADA)]
    assert json.loads(shown) == {"emoji": "👍", "count": 3, "user_ids": user_ids}


async def test_rooms_have_their_members_and_everything_is_read(world: World, imported: Outcome):
    room = await world.get_room(PEOPLE[ADA], ROOM)
    assert (room.kind, room.name, room.topic) == ("public", "general", "All & everything")
    assert (room.created_by, room.archived_at, room.member_count) == (PEOPLE[ADA], None, 4)
    roles = {user_id: each.role for user_id, each in (await world.members(PEOPLE[BEN], ROOM)).items()}
    assert roles == {
        PEOPLE[ADA]: "owner", PEOPLE[BEN]: "member", PEOPLE[CLEO]: "member", PEOPLE[JENKINS]: "member"
    }  # fmt: skip
    mine = await world.membership(PEOPLE[BEN], ROOM)
    assert (mine.read_seq, mine.unread, mine.mentions) == (room.last_seq, 0, 0)


async def test_private_rooms_and_direct_messages_stay_private(world: World, imported: Outcome):
    secret = await world.get_room(PEOPLE[ADA], IDS.room(SECRET))
    assert (secret.kind, secret.last_seq) == ("private", 2)
    dm = dm_room_id([PEOPLE[ADA], PEOPLE[BEN]])
    assert [each.text for each in await listed(world, dm)] == ["just us"]
    notes = await world.get_room(PEOPLE[ADA], dm_room_id([PEOPLE[ADA]]))
    assert (notes.kind, notes.user_ids) == ("dm", [PEOPLE[ADA]])
    group = await world.get_room(PEOPLE[CLEO], dm_room_id([PEOPLE[ADA], PEOPLE[BEN], PEOPLE[CLEO]]))
    assert (group.kind, group.name, group.member_count) == ("group_dm", None, 3)
    for room_id in (secret.id, dm):
        with refused("not_found"):
            await world.get_room(PEOPLE[CLEO], room_id)


async def test_an_archived_channel_is_archived(world: World, imported: Outcome):
    old = await world.get_room(PEOPLE[ADA], IDS.room(OLD))
    assert old.archived_at is not None
    assert old.last_seq == 1
    empty = await world.get_room(PEOPLE[BEN], IDS.room(RANDOM))
    assert (empty.topic, empty.archived_at) == ("Not work", None)


async def test_accounts_are_made_of_profiles(database: asyncpg.Connection, imported: Outcome):
    rows = await database.fetch(
        "SELECT username, display_name, role, email, email_verified, deactivated_at IS NULL, password_hash "
        "FROM auth.users ORDER BY username"
    )
    assert [tuple(row) for row in rows] == [
        ("ada", "Ada", "member", "ada@example.com", False, True, None),
        ("al-user", "Al", "member", "al@example.com", False, True, None),
        ("ben.k", "Ben", "member", "ben.k@example.com", False, True, None),
        ("cleo-u", "Cléo", "member", None, False, True, None),
        ("dee", "Dee Parted", "member", "dee@example.com", False, False, None),
        ("deploys", "Deploys", "bot", None, False, True, None),
        ("jenkins", "Jenkins", "bot", None, False, True, None),
        ("old-friend", "Old Friend", "member", None, False, False, None),
        ("slackbot", "Slackbot", "bot", None, False, True, None),
    ]


async def test_the_rules_hold_and_revs_are_dense(database: asyncpg.Connection, imported: Outcome):
    await check_rules(database)
    rev, messages, replies, reactions, members = await database.fetchrow(
        "SELECT r.rev, count(g.id), count(g.thread_id), "
        "(SELECT count(*) FROM messages.reactions e WHERE e.room_id = r.id), r.member_count "
        "FROM messages.rooms r JOIN messages.messages g ON g.room_id = r.id WHERE r.id = $1 GROUP BY r.id",
        ROOM,
    )
    assert rev == messages + replies + reactions + members + 1, "the last one opened the room"


async def test_the_summary_says_what_was_lost(imported: Outcome):
    assert imported.counts["new accounts"] == 9
    assert imported.counts["rooms"] == 7
    assert imported.find_left("notice of Slack's") == 1
    assert imported.find_left("edit log") == 1
    assert imported.find_left("Slack has no more") == 1
    assert imported.find_left("guest") == 1
    assert "Not carried over" in imported.output


async def test_the_same_export_again_changes_nothing(
    world: World, database: asyncpg.Connection, imported: Outcome, tmp_path: Path
):
    before = await read_state(database)
    again = await run_import(write_export(tmp_path / "again.zip"), world.database_url)
    assert await read_state(database) == before
    assert "new messages" not in again.counts
    assert again.counts["messages that were there"] > 20


async def test_what_is_open_can_be_talked_in(world: World, imported: Outcome):
    sent = await world.send(PEOPLE[ADA], IDS.room(SECRET), "still here")
    assert sent.seq == 3
    reply = await world.send(PEOPLE[BEN], IDS.room(SECRET), thread_id=sent.id)
    assert reply.seq == 1
