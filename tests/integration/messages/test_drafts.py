"""Drafts: one per room and thread, the same on all devices."""

import asyncio

import asyncpg
import msgspec

from services.messages.store.item_sweeper import ItemSweeper
from shared.contracts import drafts, internal, rooms
from shared.contracts.entities import Draft
from shared.contracts.limits import DRAFTS_PER_USER, REPLY_MAX_BYTES
from shared.db import create_engine
from shared.ids import new_id
from tests.integration.messages.world import World, refused


async def put(world: World, user_id: str, room_id: str, text: str, **fields: str) -> Draft:
    return await world.ask(drafts.set_draft, user_id, room_id=room_id, text=text, **fields)


async def held(world: World, user_id: str) -> list[tuple[str, str | None, str]]:
    page = await world.ask(drafts.list_drafts, user_id)
    return [(each.room_id, each.thread_id, each.text) for each in page.drafts]


async def user_rev(world: World, user_id: str) -> int:
    asked = internal.GetPositions(user_ids=[user_id])
    return (await world.call(internal.POSITIONS, asked, internal.Positions)).users[user_id]


async def test_a_draft_is_told_to_all_devices_and_listed_last_written_first(world: World):
    ann = new_id()
    first, second = await world.room(ann), await world.room(ann)
    root = await world.send(ann, first.id)
    told = world.hear_user(ann)
    made = await put(world, ann, first.id, "half a sen")
    await put(world, ann, second.id, "other")
    await put(world, ann, first.id, "in the thread", thread_id=root.id)
    frames = await told.until(3)
    assert {frame["ev"] for frame in frames} == {"draft.updated"}
    assert frames[0]["d"] == {
        "room_id": first.id, "thread_id": None, "text": "half a sen", "updated_at": made.updated_at,
    }  # fmt: skip
    assert [frame["user_rev"] for frame in frames] == list(
        range(frames[0]["user_rev"], frames[0]["user_rev"] + 3)
    )
    assert await held(world, ann) == [
        (first.id, root.id, "in the thread"), (second.id, None, "other"), (first.id, None, "half a sen"),
    ]  # fmt: skip


async def test_the_same_text_again_changes_nothing(world: World):
    ann = new_id()
    room = await world.room(ann)
    assert (await put(world, ann, room.id, "")).text == ""
    before = await user_rev(world, ann)
    made = await put(world, ann, room.id, "x")
    again = await asyncio.gather(*(put(world, ann, room.id, "x") for _ in range(4)))
    assert again == [made] * 4
    assert await user_rev(world, ann) == before + 1


async def test_an_empty_text_removes_and_a_node_that_missed_it_is_told(world: World):
    ann = new_id()
    room = await world.room(ann)
    await put(world, ann, room.id, "x")
    before = await user_rev(world, ann)
    await put(world, ann, room.id, "")
    await put(world, ann, room.id, "")
    assert await held(world, ann) == []
    changes = await world.call(
        internal.USER_CHANGES, internal.GetUserChanges(ann, before), internal.UserChanges
    )
    assert changes.user_rev == before + 1
    [item] = changes.items
    assert item.ev == "draft.updated"
    assert b'"text": ""' in bytes(item.d)
    assert (await put(world, ann, room.id, "y")).text == "y"
    assert await held(world, ann) == [(room.id, None, "y")]


async def test_a_node_that_missed_many_is_told_of_them_in_parts(world: World):
    ann, text = new_id(), "\N{GRINNING FACE}" * 16_000
    room = await world.room(ann)
    roots = await asyncio.gather(*(world.send(ann, room.id) for _ in range(60)))
    rev = before = await user_rev(world, ann)
    for root in roots:
        await put(world, ann, room.id, text, thread_id=root.id)
    told, asked = [], 0
    while rev < await user_rev(world, ann):
        changes = await world.call(
            internal.USER_CHANGES, internal.GetUserChanges(ann, rev), internal.UserChanges
        )
        assert changes.user_rev > rev
        rev, asked = changes.user_rev, asked + 1
        told += [msgspec.json.decode(item.d)["thread_id"] for item in changes.items]
    assert told == [root.id for root in roots]
    assert (rev, asked) == (before + 60, 2)


async def test_drafts_of_rooms_left_are_not_listed_and_a_message_clears_none(world: World):
    ann, ben = new_id(), new_id()
    room, kept = await world.room(ann, ben), await world.room(ann, ben)
    await put(world, ben, room.id, "x")
    await put(world, ben, kept.id, "y")
    await world.send(ben, kept.id, "y")
    await world.ask(rooms.leave, ben, room_id=room.id)
    assert await held(world, ben) == [(kept.id, None, "y")]


async def test_a_threads_draft_needs_the_root_of_a_thread_of_this_room(world: World):
    ann = new_id()
    room, elsewhere = await world.room(ann), await world.room(ann)
    foreign, root = await world.send(ann, elsewhere.id), await world.send(ann, room.id)
    reply = await world.send(ann, room.id, thread_id=root.id)
    with refused("not_found"):
        await put(world, ann, room.id, "x", thread_id=foreign.id)
    with refused("conflict"):
        await put(world, ann, room.id, "x", thread_id=reply.id)


async def test_long_drafts_make_short_pages_and_none_is_missed(world: World):
    ann, text = new_id(), "\N{GRINNING FACE}" * 16_000
    made = [await world.room(ann) for _ in range(11)]
    for room in made:
        await put(world, ann, room.id, text)
    found, cursor, pages = [], None, 0
    while True:
        page = await world.ask(drafts.list_drafts, ann, **({"cursor": cursor} if cursor else {}))
        assert sum(len(each.text.encode()) for each in page.drafts) < REPLY_MAX_BYTES
        found += [each.room_id for each in page.drafts]
        pages += 1
        if (cursor := page.next_cursor) is None:
            break
    assert found == [room.id for room in reversed(made)]
    assert pages > 1


async def test_a_user_has_a_bounded_number_of_drafts_and_unseen_ones_make_place(
    world: World, database: asyncpg.Connection
):
    ann = new_id()
    room = await world.room(ann)
    mine = await put(world, ann, room.id, "mine")
    fill = """
        INSERT INTO messages.user_items (user_id, kind, room_id, item_id, user_rev, data)
        SELECT $1, 'draft', r, r, 0, '{"text": "x"}' FROM (
            SELECT CASE WHEN $3 THEN $4::uuid ELSE gen_random_uuid() END AS r FROM generate_series(1, $2)
        ) made"""
    await database.execute(fill, ann, DRAFTS_PER_USER - 1, False, room.id)
    other = await world.room(ann)
    await put(world, ann, other.id, "in rooms that were never theirs: dropped")
    assert await database.fetchval("SELECT count(*) FROM messages.user_items WHERE user_id = $1", ann) == 2
    threads = fill.replace("r, r, 0", "r, gen_random_uuid(), 0")
    await database.execute(threads, ann, DRAFTS_PER_USER - 2, True, room.id)
    third = await world.room(ann)
    with refused("conflict"):
        await put(world, ann, third.id, "one too many")
    await put(world, ann, room.id, f"{mine.text} changes")
    await put(world, ann, room.id, "")
    await put(world, ann, third.id, "now there is place")


async def test_what_was_removed_long_ago_is_swept(world: World, database: asyncpg.Connection):
    ann = new_id()
    room, other, kept = [await world.room(ann) for _ in range(3)]
    for each in (room, other, kept):
        await put(world, ann, each.id, "x")
    for each in (room, other):
        await put(world, ann, each.id, "")
    age = "UPDATE messages.user_items SET put_at = now() - interval '31 days' WHERE room_id = ANY($1)"
    await database.execute(age, [room.id, kept.id])
    engine = create_engine(world.settings(), "messages")
    try:
        assert await ItemSweeper(engine).sweep() >= 1
    finally:
        await engine.dispose()
    left = await database.fetch("SELECT room_id FROM messages.user_items WHERE user_id = $1", ann)
    assert {str(each[0]) for each in left} == {other.id, kept.id}
