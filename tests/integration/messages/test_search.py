"""Finding messages, end to end through the service: what is found, when, by whom, and in which order."""

import asyncio
from typing import Any

import asyncpg
import msgspec
import pytest

from shared.contracts import members, rooms, search
from shared.contracts.limits import REPLY_MAX_BYTES
from shared.contracts.search import Hit, Hits
from shared.ids import new_id
from tests.integration.messages.world import World, eventually_in, refused


async def ask(world: World, user_id: str, q: str = "", **fields: Any) -> Hits:
    return await world.ask(search.search, user_id, q=q, **fields)


async def find_all(world: World, user_id: str, q: str = "", **fields: Any) -> list[Hit]:
    """Every page, in order."""
    found: list[Hit] = []
    cursor: dict[str, str] = {}
    while True:
        page = await ask(world, user_id, q, **fields, **cursor)
        found += page.hits
        if page.next_cursor is None:
            return found
        cursor = {"cursor": page.next_cursor}


async def texts(world: World, user_id: str, q: str = "", **fields: Any) -> list[str]:
    return [hit.message.text for hit in await find_all(world, user_id, q, **fields)]


async def until_texts(world: World, expected: list[str], user_id: str, q: str = "", **fields: Any) -> None:
    """Wait until exactly these are found, in any order."""
    async with asyncio.timeout(30):
        while True:
            if sorted(await texts(world, user_id, q, **fields)) == sorted(expected):
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("q", "text", "marked"),
    [
        ("hello", "Well, HELLO there", ["HELLO"]),
        ("ind*", "re: the index", ["index"]),
        ('"good morning"', "good morning all", ["good morning"]),
        ("10.20.30.40", "host 10.20.30.40 is down", ["10.20.30.40"]),
        ("foo_bar", "call foo_bar()", ["foo_bar"]),
        ("a.b@c.de", "write to a.b@c.de", ["a.b@c.de"]),
        ("https://x.y/z", "see https://x.y/z", ["https://x.y/z"]),
        ("#123", "fixes #123", ["123"]),
        ("cafe", "au Cafe\u0301", ["Cafe\u0301"]),
        ("京都", "東京都に行く", ["京都"]),
        ("行", "東京都に行く", ["行"]),
        ("🎉", "done 🎉!", ["🎉"]),
        ("back\\slash'quote", "back\\slash'quote", ["back\\slash'quote"]),
    ],
)
async def test_a_message_is_found_by_what_it_says(world: World, q: str, text: str, marked: list[str]):
    ann = new_id()
    room = await world.room(ann)
    await world.send(ann, room.id, text)
    await world.send(ann, room.id, "something else")
    await until_texts(world, [text], ann, q)
    [hit] = (await ask(world, ann, q)).hits
    assert [hit.message.text[start:end] for start, end in hit.marks] == marked


async def test_words_are_all_needed_and_excluded_ones_forbidden(world: World):
    ann = new_id()
    room = await world.room(ann)
    for text in ("red apple", "green apple", "red car", "apple pie, red"):
        await world.send(ann, room.id, text)
    await until_texts(world, ["red apple", "apple pie, red"], ann, "red apple")
    assert await texts(world, ann, '"red apple"') == ["red apple"]
    assert await texts(world, ann, "apple -red") == ["green apple"]
    assert sorted(await texts(world, ann, '-"red apple" red')) == ["apple pie, red", "red car"]


async def test_filters_narrow_by_room_sender_time_and_what_a_message_has(world: World):
    ann, bob = new_id(), new_id()
    room, other = await world.room(ann, bob), await world.room(ann)
    first = await world.send(ann, room.id, "plan https://a.b")
    await world.send(bob, room.id, "plan b")
    await world.send(ann, other.id, "plan elsewhere")
    await world.send(bob, room.id, "plan reply", thread_id=first.id)
    everything = ["plan https://a.b", "plan b", "plan elsewhere", "plan reply"]
    await until_texts(world, everything, ann, "plan")
    assert sorted(await texts(world, ann, "plan", **{"from": bob})) == ["plan b", "plan reply"]
    assert sorted(await texts(world, ann, f"from:{bob}")) == ["plan b", "plan reply"]
    assert await texts(world, ann, "plan", room_id=other.id) == ["plan elsewhere"]
    assert await texts(world, ann, f"plan in:{other.id}") == ["plan elsewhere"]
    assert await texts(world, ann, "has:link") == ["plan https://a.b"]
    assert sorted(await texts(world, ann, "plan", has=["thread"])) == ["plan https://a.b", "plan reply"]
    assert await texts(world, ann, "plan", has=["pin"]) == []
    assert await texts(world, ann, "plan", before=first.created_at) == []
    assert sorted(await texts(world, ann, "plan", after=first.created_at[:10])) == sorted(everything)
    assert await texts(world, ann, "plan before:2020-01-01") == []
    assert await texts(world, ann, "plan after:2999-01-01") == []


async def test_an_edited_message_is_found_by_its_new_words_only(world: World):
    ann = new_id()
    room = await world.room(ann)
    message = await world.send(ann, room.id, "before")
    await until_texts(world, ["before"], ann, "before")
    await world.edit(ann, message, "afterwards")
    assert await texts(world, ann, "before") == []  # at once, though it is not indexed anew yet
    await until_texts(world, ["afterwards"], ann, "afterwards")
    assert await texts(world, ann, "before") == []


async def test_a_deleted_message_is_gone_at_once_and_its_words_soon(world: World, fresh_database: str):
    ann = new_id()
    room = await world.room(ann)
    message = await world.send(ann, room.id, "secret")
    await until_texts(world, ["secret"], ann, "secret")
    await world.delete(ann, message)
    assert await texts(world, ann, "secret") == []
    database = await asyncpg.connect(fresh_database)
    try:
        await eventually_in(
            database, f"SELECT count(*) = 0 FROM messages.message_search WHERE room_id = '{room.id}'"
        )
    finally:
        await database.close()


async def test_only_present_members_find_anything(world: World):
    ann, bob, eve = new_id(), new_id(), new_id()
    room = await world.room(ann, bob, kind="public")
    dm = await world.ask(rooms.open_dm, ann, user_ids=[bob])
    await world.send(ann, room.id, "word in the room")
    await world.send(ann, dm.id, "word in private")
    for user_id in (ann, bob):
        await until_texts(world, ["word in the room", "word in private"], user_id, "word")
    assert await texts(world, eve, "word") == []
    await world.ask(members.remove, ann, room_id=room.id, user_id=bob)
    assert await texts(world, bob, "word") == ["word in private"]
    await world.ask(rooms.join, eve, room_id=room.id)
    assert await texts(world, eve, "word") == ["word in the room"]
    await world.ask(rooms.leave, eve, room_id=room.id)
    assert await texts(world, eve, "word") == []


async def test_a_room_that_one_may_not_read_cannot_be_searched(world: World):
    ann, eve = new_id(), new_id()
    private, public = await world.room(ann), await world.room(ann, kind="public")
    for room_id, code in ((private.id, "not_found"), (public.id, "forbidden"), (new_id(), "not_found")):
        with refused(code):
            await ask(world, eve, "word", room_id=room_id)
        with refused(code):
            await ask(world, eve, f"word in:{room_id}")


async def test_pages_hold_every_hit_once_whatever_is_written_meanwhile(world: World):
    ann = new_id()
    room = await world.room(ann)
    sent = [f"page {number}" for number in range(130)]
    await asyncio.gather(*(world.send(ann, room.id, text) for text in sent))
    await until_texts(world, sent, ann, "page")
    found: list[str] = []
    page = await ask(world, ann, "page", limit=7)
    while True:
        found += [hit.message.text for hit in page.hits]
        await world.send(ann, room.id, "page later")
        if page.next_cursor is None:
            break
        page = await ask(world, ann, "page", limit=7, cursor=page.next_cursor)
    assert sorted(found) == sorted(sent)


async def test_words_that_stand_together_come_first_and_the_newer_of_equals(world: World):
    ann = new_id()
    room = await world.room(ann)
    together = await world.send(ann, room.id, "blue sky")
    old = await world.send(ann, room.id, "blue is what I call a sky")
    new = await world.send(ann, room.id, "blue is what we call a sky")
    await until_texts(world, [each.text for each in (together, old, new)], ann, "blue sky")
    assert await texts(world, ann, "blue sky") == [together.text, new.text, old.text]


async def test_long_messages_make_short_pages_that_lead_on(world: World):
    ann = new_id()
    room = await world.room(ann)
    text = "long " + "\N{GRINNING FACE}" * 15_000
    await asyncio.gather(*(world.send(ann, room.id, text) for _ in range(12)))
    await until_texts(world, [text] * 12, ann, "long")
    page = await ask(world, ann, "long", limit=100)
    assert 0 < len(page.hits) < 12
    assert page.next_cursor
    assert len(msgspec.json.encode(page)) <= REPLY_MAX_BYTES


@pytest.mark.parametrize(
    "q", ["'", "\\", "a:b & !c | (d <-> e)", ":ab*", "x\u3000'y'", "'; DROP TABLE x; --"]
)
async def test_no_text_gets_into_the_query_language(world: World, q: str):
    ann = new_id()
    await world.room(ann)
    assert (await ask(world, ann, f"a {q}")).hits == []
