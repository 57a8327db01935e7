"""Erasing a user from rooms: what goes, who owns what they owned, and what others see of it."""

import asyncio
import json
from typing import Any

import asyncpg

from shared.contracts import (
    drafts,
    internal,
    invites,
    members,
    messages,
    reactions,
    rooms,
    saved,
    search,
    threads,
)
from shared.contracts.entities import Message
from shared.ids import new_id
from tests.integration.messages.world import World, eventually_in, refused


async def erase(world: World, user_id: str, *, keeps_texts: bool = False) -> None:
    """As the auth service does it: until there is no cursor."""
    for stage in ("rooms", "messages"):
        await erase_stage(world, user_id, stage, keeps_texts=keeps_texts)


async def erase_stage(world: World, user_id: str, stage: Any, *, keeps_texts: bool = False) -> None:
    cursor = None
    while True:
        asked = internal.EraseSome(user_id, stage, keeps_texts, cursor)
        cursor = (await world.call(internal.ERASE_SOME, asked, internal.ErasedSome)).cursor
        if cursor is None:
            return


async def read_all(world: World, user_id: str, room_id: str) -> list[Message]:
    return (await world.list(user_id, room_id, limit=100)).messages


async def test_texts_go_with_all_that_hangs_on_them_and_others_keep_theirs(world: World):
    erika, bert = new_id(), new_id()
    room = await world.room(bert, erika)
    first = await world.send(bert, room.id, "stays")
    mine = await world.send(erika, room.id, "first words")
    await world.edit(erika, mine, "second words")
    await world.ask(reactions.add, bert, room_id=room.id, message_id=mine.id, emoji="👍")
    await world.ask(reactions.add, erika, room_id=room.id, message_id=first.id, emoji="👍")
    await world.ask(reactions.pin, bert, room_id=room.id, message_id=mine.id)
    reply = await world.send(erika, room.id, "a reply", thread_id=first.id)
    heard = world.hear_room(room.id)
    before = await world.get_room(bert, room.id)
    await erase(world, erika)
    after = await world.get_room(bert, room.id)
    # member.left, two deletions, one more for the thread's root, a reaction taken back.
    await heard.until(after.rev - before.rev)
    assert heard.revs == list(range(before.rev + 1, after.rev + 1))
    assert sorted(heard.names) == [
        "member.left", "message.deleted", "message.deleted", "message.updated", "reaction.removed",
    ]  # fmt: skip
    heard.stop()
    kept, emptied = await read_all(world, bert, room.id)
    assert (kept.text, kept.reactions, kept.reply_count) == ("stays", [], 0)
    assert (emptied.id, emptied.text, emptied.reactions, emptied.pinned_at) == (mine.id, "", [], None)
    assert emptied.deleted_at is not None
    [gone] = (await world.list(bert, room.id, thread_id=first.id)).messages
    assert (gone.id, gone.text) == (reply.id, "")
    assert not await world.verify(room.id)


async def test_anonymised_texts_stay_without_the_ones_before_them(world: World, database: asyncpg.Connection):
    erika, bert = new_id(), new_id()
    room = await world.room(bert, erika)
    mine = await world.send(erika, room.id, "first words")
    await world.edit(erika, mine, "second words")
    await world.ask(reactions.add, erika, room_id=room.id, message_id=mine.id, emoji="👍")
    await erase(world, erika, keeps_texts=True)
    [kept] = await read_all(world, bert, room.id)
    assert (kept.text, kept.sender_id, kept.reactions) == ("second words", erika, [])
    versions = await world.ask(messages.history, bert, room_id=room.id, message_id=mine.id)
    assert versions.versions == []
    assert not await world.verify(room.id)


async def test_what_nobody_can_read_any_more_goes_whatever_was_chosen(
    world: World, database: asyncpg.Connection
):
    erika = new_id()
    alone = await world.room(erika)
    notes = await world.ask(rooms.open_dm, erika, user_ids=[])
    for room_id in (alone.id, notes.id):
        await world.send(erika, room_id, "for my eyes only")
    await erase(world, erika, keeps_texts=True)
    query = "SELECT room_id, text FROM messages.messages WHERE room_id = ANY($1::uuid[])"
    assert [row["text"] for row in await database.fetch(query, [alone.id, notes.id])] == ["", ""]
    archived = "SELECT count(*) FROM messages.rooms WHERE id = ANY($1::uuid[]) AND archived_at IS NOT NULL"
    assert await database.fetchval(archived, [alone.id, notes.id]) == 2
    assert not await world.verify(alone.id)
    assert not await world.verify(notes.id)


async def test_the_longest_standing_moderator_owns_what_its_last_owner_left(world: World):
    erika, old, young, moderator = (new_id() for _ in range(4))
    moderated = await world.room(erika, old)
    for user_id in (young, moderator):
        await world.ask(members.add, erika, room_id=moderated.id, user_ids=[user_id])
    for user_id in (moderator, young):
        await world.ask(members.set_role, erika, room_id=moderated.id, user_id=user_id, role="moderator")
    plain = await world.room(erika, old)
    await world.ask(members.add, erika, room_id=plain.id, user_ids=[young])
    shared = await world.room(erika, old)
    await world.ask(members.set_role, erika, room_id=shared.id, user_id=old, role="owner")
    heard = world.hear_user(young)
    await erase(world, erika)
    assert {key: each.role for key, each in (await world.members(old, moderated.id)).items()} == {
        old: "member", young: "owner", moderator: "moderator",
    }  # fmt: skip
    assert {key: each.role for key, each in (await world.members(old, plain.id)).items()} == {
        old: "owner", young: "member",
    }  # fmt: skip
    assert (await world.members(old, shared.id))[old].role == "owner"
    told = await heard.until(1)
    assert (told[0]["ev"], told[0]["d"]["role"]) == ("read.updated", "owner")
    heard.stop()
    for room in (moderated, plain, shared):
        assert not await world.verify(room.id)


async def test_a_direct_conversation_stays_for_the_other(world: World):
    erika, bert = new_id(), new_id()
    room = await world.ask(rooms.open_dm, erika, user_ids=[bert])
    await world.send(bert, room.id, "to erika")
    await world.send(erika, room.id, "to bert")
    await erase(world, erika)
    assert [each.text for each in await read_all(world, bert, room.id)] == ["to erika", ""]
    await world.send(bert, room.id, "into the void")
    again = await world.ask(rooms.open_dm, bert, user_ids=[erika])
    assert (again.id, again.user_ids, again.member_count) == (room.id, sorted([erika, bert]), 1)
    assert not await world.verify(room.id)


async def test_nobody_takes_an_erased_user_into_a_room(world: World):
    erika, bert = new_id(), new_id()
    room = await world.room(bert, kind="public")
    await erase_stage(world, erika, "rooms")
    with refused("not_found"):
        await world.ask(members.add, bert, room_id=room.id, user_ids=[erika])
    with refused("not_found"):
        await world.ask(rooms.join, erika, room_id=room.id)
    with refused("not_found"):
        await world.ask(rooms.open_dm, bert, user_ids=[erika])
    with refused("not_found"):
        await world.ask(rooms.create, erika, kind="private", name="Mine")


async def test_who_joins_while_being_erased_is_out_in_the_end(world: World, database: asyncpg.Connection):
    """The mark and the joining lock the same row: one sees the other."""
    bert = new_id()
    for _ in range(10):
        erika = new_id()
        room = await world.room(bert, kind="public")

        async def join(room_id: str = room.id, erika: str = erika) -> None:
            await world.ask(rooms.join, erika, room_id=room_id)

        await asyncio.gather(join(), erase_stage(world, erika, "rooms"), return_exceptions=True)
        await erase_stage(world, erika, "rooms")
        query = "SELECT count(*) FROM messages.memberships WHERE user_id = $1 AND left_at IS NULL"
        assert await database.fetchval(query, erika) == 0


async def test_all_that_was_their_own_goes(world: World, database: asyncpg.Connection):
    erika, bert = new_id(), new_id()
    room, left = await world.room(bert, erika, kind="public"), await world.room(bert, erika)
    theirs = await world.send(bert, room.id, "root")
    await world.ask(drafts.set_draft, erika, room_id=room.id, text="half a thought")
    await world.ask(saved.add, erika, room_id=room.id, message_id=theirs.id)
    await world.ask(threads.follow, erika, room_id=room.id, message_id=theirs.id)
    await world.ask(invites.create, erika, room_id=room.id)
    await world.ask(rooms.set_notify, erika, room_id=left.id, notify="none")
    await world.ask(rooms.leave, erika, room_id=left.id)
    await world.ask(members.ban, bert, room_id=left.id, user_id=erika)
    await erase(world, erika)
    tables = ("user_items", "user_rooms", "user_timelines", "bans")
    for table in tables:
        count = await database.fetchval(f"SELECT count(*) FROM messages.{table} WHERE user_id = $1", erika)
        assert count == 0, table
    assert not await database.fetchval("SELECT count(*) FROM messages.invites WHERE created_by = $1", erika)
    rows = await database.fetch(
        "SELECT read_seq, own_above, notify, last_sent_at FROM messages.memberships WHERE user_id = $1", erika
    )
    assert {tuple(row) for row in rows} == {(0, 0, "all", None)}
    assert not await world.verify()


async def test_erasing_again_from_any_place_changes_nothing(world: World):
    erika, bert = new_id(), new_id()
    room = await world.room(bert, erika)
    for number in range(30):
        await world.send(erika if number % 2 else bert, room.id, f"m{number}")
    await erase(world, erika)
    rev = (await world.get_room(bert, room.id)).rev
    await asyncio.gather(*(erase(world, erika) for _ in range(3)))
    assert (await world.get_room(bert, room.id)).rev == rev


async def test_closed_rooms_are_erased_and_left_too(world: World):
    erika, bert = new_id(), new_id()
    room = await world.room(bert, erika)
    theirs = await world.send(bert, room.id, "stays")
    await world.ask(reactions.add, erika, room_id=room.id, message_id=theirs.id, emoji="👍")
    await world.send(erika, room.id, "goes")
    await world.ask(rooms.archive, bert, room_id=room.id)
    await erase(world, erika)
    assert [each.text for each in await read_all(world, bert, room.id)] == ["stays", ""]
    assert (await read_all(world, bert, room.id))[0].reactions == []
    assert set(await world.members(bert, room.id)) == {bert}


async def test_search_finds_nothing_of_it(world: World, database: asyncpg.Connection):
    erika, bert = new_id(), new_id()
    room = await world.room(bert, erika)
    mine = await world.send(erika, room.id, "pomegranate")
    indexed = f"SELECT count(*) = 1 FROM messages.message_search WHERE message_id = '{mine.id}'"
    await eventually_in(database, indexed)
    await erase(world, erika)
    assert (await world.ask(search.search, bert, q="pomegranate")).hits == []
    await eventually_in(database, indexed.replace("= 1", "= 0"))


async def test_many_strides_of_a_large_room_are_gone_through(world: World, database: asyncpg.Connection):
    """Rows that others wrote, more than one statement looks at, lie between those of the user."""
    erika, bert = new_id(), new_id()
    room = await world.room(bert, erika)
    await fill(database, room.id, [bert if number % 700 else erika for number in range(5_000)])
    busy = await world.room(bert, erika)
    await fill(database, busy.id, [erika] * 700)
    await erase(world, erika)
    query = """SELECT count(*), count(*) FILTER (WHERE text <> '') FROM messages.messages
        WHERE room_id = $1 AND sender_id = $2"""
    assert tuple(await database.fetchrow(query, room.id, erika)) == (8, 0)
    assert tuple(await database.fetchrow(query, room.id, bert)) == (4_992, 4_992)
    assert tuple(await database.fetchrow(query, busy.id, erika)) == (700, 0)
    assert not await world.verify(room.id)


async def fill(database: asyncpg.Connection, room_id: str, senders: list[str], text: str = "words") -> None:
    """Write messages past the service, as an import does."""
    await database.execute(
        """
        WITH sent AS (
            INSERT INTO messages.messages (room_id, id, seq, rev, sender_id, text, created_at)
            SELECT $1, gen_random_uuid(), r.last_seq + k.n, r.rev + k.n, k.sender_id, $3, now()
            FROM messages.rooms r, unnest($2::uuid[]) WITH ORDINALITY AS k(sender_id, n) WHERE r.id = $1
        )
        UPDATE messages.rooms SET rev = rev + $4, last_seq = last_seq + $4 WHERE id = $1
        """,
        room_id,
        senders,
        text,
        len(senders),
    )
    await database.execute(
        """
        UPDATE messages.memberships m SET own_above = (
            SELECT count(*) FROM messages.messages g
            WHERE g.room_id = m.room_id AND g.sender_id = m.user_id AND g.thread_id IS NULL
              AND g.seq > m.read_seq
        ) WHERE room_id = $1
        """,
        room_id,
    )


async def read_export(world: World, user_id: str) -> dict[str, list[Any]]:
    """Return the rows of all documents by the name of their kind; checks that each page is small."""
    rows: dict[str, list[Any]] = {}
    cursor = None
    while True:
        asked = internal.GetExportPage(user_id, cursor)
        page = await world.call(internal.EXPORT_PAGE, asked, internal.ExportPage)
        if page.name is not None:
            assert len(bytes(page.document)) <= 512 * 1024
            document = json.loads(bytes(page.document))
            rows.setdefault(page.name.partition("/")[0], []).extend(*document.values())
        cursor = page.cursor
        if cursor is None:
            return rows


async def test_an_export_has_ones_own_and_nothing_of_others(world: World):
    erika, bert = new_id(), new_id()
    room = await world.room(bert, erika, name="Kitchen")
    left = await world.room(bert, erika, name="Was private")
    dm = await world.ask(rooms.open_dm, erika, user_ids=[bert])
    theirs = await world.send(bert, room.id, "bert's words")
    mine = await world.send(erika, room.id, "first words")
    await world.edit(erika, mine, "second words")
    theirs = await world.edit(bert, theirs, "bert's other words")
    reply = await world.send(erika, room.id, "a reply", thread_id=theirs.id)
    other = await world.send(erika, left.id, "before I went")
    await world.ask(reactions.add, erika, room_id=room.id, message_id=theirs.id, emoji="👍")
    await world.ask(reactions.add, bert, room_id=room.id, message_id=theirs.id, emoji="👍")
    await world.ask(drafts.set_draft, erika, room_id=room.id, text="half a thought")
    await world.ask(saved.add, erika, room_id=room.id, message_id=theirs.id)
    await world.ask(rooms.leave, erika, room_id=left.id)
    rows = await read_export(world, erika)
    assert {each["id"]: each["name"] for each in rows["rooms"]} == {
        room.id: "Kitchen", left.id: None, dm.id: None,
    }  # fmt: skip
    assert {each["id"]: each["text"] for each in rows["messages"]} == {
        mine.id: "second words", reply.id: "a reply", other.id: "before I went",
    }  # fmt: skip
    assert [(each["message_id"], each["text"]) for each in rows["history"]] == [(mine.id, "first words")]
    assert rows["reactions"] == [{"message_id": theirs.id, "emoji": "👍"}]
    kept = {each["kind"]: each["data"] for each in rows["items"]}
    assert kept["draft"]["text"] == "half a thought"
    assert kept["saved"]["message_id"] == theirs.id
    assert "bert's" not in json.dumps(rows)


async def test_an_export_of_many_long_messages_comes_in_small_pages_each_once(
    world: World, database: asyncpg.Connection
):
    erika, bert = new_id(), new_id()
    room = await world.room(bert, erika)
    await fill(database, room.id, [erika] * 60, text='"' * 16_000)
    await fill(database, room.id, [bert, erika] * 2_500)
    found = [each["id"] for each in (await read_export(world, erika))["messages"]]
    assert len(found) == len(set(found)) == 2_560
    assert await read_export(world, new_id()) == {}
