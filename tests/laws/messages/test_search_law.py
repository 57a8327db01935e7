"""The law of search: what a word finds is the set of visible messages whose text has it."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from services.messages.search.terms import make_term, matches
from shared.contracts import search
from shared.contracts.entities import Message
from shared.ids import new_id
from tests.integration.messages.world import World
from tests.laws.messages.test_laws import bounded

WORDS = st.sampled_from(
    ["red", "Red", "réd", "redder", "blue", "東京", "京都", "東京都", "10.20", "20.10", "foo_bar", "bar"]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
STEPS = st.lists(st.tuples(st.sampled_from(["send", "edit", "delete"]), st.integers(0, 9), TEXTS), max_size=8)


@bounded
@given(steps=STEPS, asked=TEXTS)
async def test_a_search_finds_exactly_the_messages_whose_text_has_it(
    world: World, steps: list[tuple[str, int, str]], asked: str
):
    ann = new_id()
    room = await world.room(ann)
    kept: list[Message] = []
    for action, number, text in steps:
        if action == "send" or not kept:
            kept.append(await world.send(ann, room.id, text))
        elif action == "edit":
            kept[number % len(kept)] = await world.edit(ann, kept[number % len(kept)], text)
        else:
            await world.delete(ann, kept.pop(number % len(kept)))
    terms = [term for word in asked.split() if (term := make_term(word))]
    expected = sorted(each.text for each in kept if matches(each.text, terms))
    found = None
    async with asyncio.timeout(30):
        while found != expected:
            page = await world.ask(search.search, ann, q=asked, limit=100)
            found = sorted(hit.message.text for hit in page.hits)
            # Never more than the law allows, however far the index is behind.
            assert all(matches(text, terms) for text in found)
