"""The directory of public rooms: found by the beginnings of words, in three orders, page by page."""

import asyncio
from typing import Any

import pytest

from shared.contracts import rooms
from shared.contracts.entities import Room
from shared.ids import new_id
from tests.integration.messages.world import World, refused


async def public(world: World, name: str, *members: str, topic: str = "") -> Room:
    return await world.room(new_id(), *members, kind="public", name=name, topic=topic)


async def browse(world: World, q: str, **fields: Any) -> list[str | None]:
    """The names of all pages."""
    found: list[str | None] = []
    while True:
        page = await world.ask(rooms.browse, new_id(), q=q, **fields)
        found += [room.name for room in page.rooms]
        if page.next_cursor is None:
            return found
        fields["cursor"] = page.next_cursor


@pytest.mark.parametrize(
    ("q", "is_found"),
    [
        ("{m}", True),
        ("{M}", True),
        ("tea {m}", True),
        ("the {m} of", True),
        ("{m}'s tea", False),
        ("of things (b", True),
        ("things ({m}", False),
        ("brewed{m}", True),
        ("hot_{m}", True),
        ("water{m}", True),
        ("x{m}", False),
        ("ea {m}", False),
        ("ÜBER{m}", True),
        ("茶{m}", True),
        ("(brewed{m}", True),
        ("!", False),
    ],
)
async def test_a_room_is_found_by_what_a_word_of_its_name_or_topic_begins_with(
    world: World, q: str, *, is_found: bool
):
    mark = new_id()[-6:]
    name = f"The Tea {mark} über{mark}"
    topic = f"The {mark} of things (brewed{mark}), hot_water{mark} hot_{mark}\n茶{mark}"
    await public(world, name, topic=topic)
    found = await browse(world, q.format(m=mark, M=mark.upper()), limit=100)
    assert (name in found) is is_found


async def test_pages_of_each_order_are_stable_and_complete(world: World):
    mark, people = new_id()[-6:], [new_id() for _ in range(4)]
    sizes = [3, 1, 4, 1, 3]
    made = [await public(world, f"{mark} {at}", *people[:size]) for at, size in enumerate(sizes)]
    for at in (2, 0, 4):
        await world.send(made[at].created_by, made[at].id)
    by_size = sorted(made, key=lambda room: (room.member_count, room.id), reverse=True)
    active = [4, 0, 2, 3, 1]
    assert await browse(world, mark, limit=2) == [room.name for room in made]
    assert await browse(world, mark, limit=2, sort="members") == [room.name for room in by_size]
    assert await browse(world, mark, limit=2, sort="active") == [made[at].name for at in active]


async def test_a_renamed_room_is_found_by_its_new_name_and_others_by_nothing(world: World):
    ann, mark = new_id(), new_id()[-6:]
    room = await world.room(ann, kind="public", name="Old")
    await asyncio.gather(
        world.room(ann, kind="private", name=mark), world.ask(rooms.update, ann, room_id=room.id, name=mark)
    )
    gone = await world.room(ann, kind="public", name=mark)
    await world.ask(rooms.archive, ann, room_id=gone.id)
    page = await world.ask(rooms.browse, new_id(), q=mark)
    assert [each.id for each in page.rooms] == [room.id]


async def test_a_cursor_of_another_order_is_refused(world: World):
    mark = new_id()[-6:]
    for _ in range(2):
        await public(world, mark)
    page = await world.ask(rooms.browse, new_id(), q=mark, limit=1)
    with refused("invalid_input"):
        await world.ask(rooms.browse, new_id(), q=mark, sort="members", cursor=page.next_cursor)
