"""Pages of a timeline: every anchor, every edge, and the limit of a reply's size."""

import asyncio
from typing import Any

import msgspec
import pytest

from shared.contracts.limits import REPLY_MAX_BYTES
from shared.ids import new_id
from tests.integration.messages.world import World

LAST = 12


@pytest.fixture(scope="module")
async def timeline(world: World) -> tuple[str, str]:
    ann = new_id()
    room = await world.room(ann)
    for _ in range(LAST):
        await world.send(ann, room.id)
    return ann, room.id


@pytest.mark.parametrize(
    ("asked", "seqs", "has_before", "has_after"),
    [
        ({}, range(8, 13), True, False),
        ({"limit": 100}, range(1, 13), False, False),
        ({"before_seq": 8}, range(3, 8), True, True),
        ({"before_seq": 4}, range(1, 4), False, True),
        ({"before_seq": 1}, [], False, True),
        ({"before_seq": 0}, [], False, True),
        ({"before_seq": 999}, range(8, 13), True, False),
        ({"after_seq": 4}, range(5, 10), True, True),
        ({"after_seq": 0}, range(1, 6), False, True),
        ({"after_seq": 10}, range(11, 13), True, False),
        ({"after_seq": 12}, [], True, False),
        ({"after_seq": 999}, [], True, False),
        ({"around_seq": 6}, range(4, 9), True, True),
        ({"around_seq": 1}, range(1, 6), False, True),
        ({"around_seq": 12}, range(8, 13), True, False),
        ({"around_seq": 999}, range(8, 13), True, False),
        ({"around_seq": 6, "limit": 1}, [6], True, True),
    ],
    ids=str,
)
async def test_a_page_has_its_messages_and_says_what_lies_beyond(  # noqa: PLR0917 - a table of cases
    world: World,
    timeline: tuple[str, str],
    asked: dict[str, Any],
    seqs: Any,
    has_before: bool,
    has_after: bool,
):
    user_id, room_id = timeline
    page = await world.list(user_id, room_id, **{"limit": 5} | asked)
    assert [each.seq for each in page.messages] == list(seqs)
    assert (page.has_before, page.has_after) == (has_before, has_after)


async def test_an_empty_room_has_an_empty_page(world: World):
    ann = new_id()
    room = await world.room(ann)
    for asked in ({}, {"before_seq": 5}, {"after_seq": 0}, {"around_seq": 3}):
        page = await world.list(ann, room.id, **asked)
        assert (page.messages, page.has_before, page.has_after) == ([], False, False)


async def test_long_messages_make_short_pages_that_say_so(world: World):
    ann = new_id()
    room = await world.room(ann)
    text = "\N{GRINNING FACE}" * 16_000
    await asyncio.gather(*(world.send(ann, room.id, text) for _ in range(12)))
    newest = await world.list(ann, room.id)
    assert len(msgspec.json.encode(newest)) <= REPLY_MAX_BYTES
    assert 6 <= len(newest.messages) < 12
    assert (newest.messages[-1].seq, newest.has_before, newest.has_after) == (12, True, False)
    oldest = await world.list(ann, room.id, after_seq=0)
    assert (oldest.messages[0].seq, oldest.has_before, oldest.has_after) == (1, False, True)
    middle = await world.list(ann, room.id, around_seq=6)
    assert 6 in [each.seq for each in middle.messages]
    assert (middle.has_before, middle.has_after) == (True, True)
    assert len(msgspec.json.encode(middle)) <= REPLY_MAX_BYTES
