"""Reactions: one for each user and emoji, counted on the message, each change one rev."""

import asyncio

import pytest

from shared.contracts import members, messages, reactions
from shared.contracts.entities import Message, Reaction
from shared.ids import new_id
from tests.integration.messages.world import World, refused

THUMB, HEART = "👍", "❤️"


async def react(world: World, user_id: str, message: Message, emoji: str = THUMB) -> None:
    named = {"room_id": message.room_id, "message_id": message.id, "emoji": emoji}
    await world.ask(reactions.add, user_id, **named)


async def unreact(world: World, user_id: str, message: Message, emoji: str = THUMB) -> None:
    named = {"room_id": message.room_id, "message_id": message.id, "emoji": emoji}
    await world.ask(reactions.remove, user_id, **named)


async def get(world: World, user_id: str, message: Message) -> Message:
    return await world.ask(messages.get, user_id, room_id=message.room_id, message_id=message.id)


async def list_all(world: World, user_id: str, message: Message) -> list[Reaction]:
    named = {"room_id": message.room_id, "message_id": message.id}
    found = await world.ask(reactions.list_reactions, user_id, **named)
    shown = list(found.reactions)
    while found.next_cursor:
        found = await world.ask(reactions.list_reactions, user_id, **named, cursor=found.next_cursor)
        shown += found.reactions
    return shown


async def test_a_reaction_is_one_rev_and_tells_who_and_what(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    message = await world.send(ann, room.id)
    heard = world.hear_room(room.id)
    await react(world, ben, message)
    await react(world, ben, message)
    await unreact(world, ben, message)
    await unreact(world, ben, message)
    added, removed = await heard.until(2)
    assert (added["ev"], added["rev"]) == ("reaction.added", message.rev + 1)
    assert (added["d"]["emoji"], added["d"]["user_id"]) == (THUMB, ben)
    assert added["d"]["message"]["reactions"] == [{"emoji": THUMB, "count": 1, "user_ids": [ben]}]
    assert added["d"]["message"]["rev"] == message.rev + 1
    assert (removed["ev"], removed["rev"]) == ("reaction.removed", message.rev + 2)
    assert removed["d"]["message"]["reactions"] == []
    assert (await world.get_room(ann, room.id)).rev == message.rev + 2, "what changes nothing takes no rev"


async def test_reactions_stand_in_the_order_of_their_first(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    message = await world.send(ann, room.id)
    await react(world, ann, message, HEART)
    await react(world, ben, message, THUMB)
    await react(world, ben, message, HEART)
    expected = [Reaction(HEART, 2, [ann, ben]), Reaction(THUMB, 1, [ben])]
    assert (await get(world, ann, message)).reactions == expected
    assert await list_all(world, ann, message) == expected
    assert (await world.list(ann, room.id)).messages[0].reactions == expected
    await unreact(world, ann, message, HEART)
    assert (await get(world, ann, message)).reactions == [
        Reaction(HEART, 1, [ben]),
        Reaction(THUMB, 1, [ben]),
    ]


async def test_many_who_react_at_once_are_all_counted_and_the_first_hundred_named(world: World):
    ann = new_id()
    crowd = [new_id() for _ in range(99)]
    room = await world.room(ann, *crowd)
    more = [new_id() for _ in range(21)]
    for user_id in more:
        await world.ask(members.add, ann, room_id=room.id, user_ids=[user_id])
    message = await world.send(ann, room.id)
    await asyncio.gather(*(react(world, user_id, message) for user_id in (*crowd, *more)))
    [shown] = (await get(world, ann, message)).reactions
    assert (shown.count, len(shown.user_ids)) == (120, 100)
    [whole] = await list_all(world, ann, message)
    assert whole.user_ids[:100] == shown.user_ids
    assert set(whole.user_ids) == {*crowd, *more}
    first = shown.user_ids[0]
    await unreact(world, first, message)
    [shown] = (await get(world, ann, message)).reactions
    assert (shown.count, shown.user_ids) == (119, whole.user_ids[1:101]), "the next one moves up"


@pytest.mark.parametrize("emoji", ["👩🏽‍🚀", "🇩🇪", "1️⃣", ":party_parrot:", "❤"])
async def test_one_emoji_of_any_making_is_taken(world: World, emoji: str):
    ann = new_id()
    room = await world.room(ann)
    message = await world.send(ann, room.id)
    await react(world, ann, message, emoji)
    assert (await get(world, ann, message)).reactions == [Reaction(emoji, 1, [ann])]


@pytest.mark.parametrize("emoji", ["👍👍", "a", "👍a", "12", "é", "❤️❤️"])
async def test_anything_else_is_refused_by_name(world: World, emoji: str):
    ann = new_id()
    room = await world.room(ann)
    message = await world.send(ann, room.id)
    with refused("invalid_input") as caught:
        await react(world, ann, message, emoji)
    assert caught.value.body.details["fields"][0]["path"] == "emoji"


async def test_a_message_has_fifty_kinds_at_most(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    message = await world.send(ann, room.id)
    for number in range(50):
        await react(world, ann, message, f":kind_{number}:")
    with refused("conflict"):
        await react(world, ann, message, ":one_more:")
    await react(world, ben, message, ":kind_7:")
    assert len((await get(world, ann, message)).reactions) == 50


async def test_deleted_messages_and_archived_rooms_take_none(world: World):
    ann = new_id()
    room = await world.room(ann)
    message = await world.send(ann, room.id)
    await react(world, ann, message)
    deleted = await world.delete(ann, message)
    assert deleted.reactions == []
    assert await list_all(world, ann, message) == []
    with refused("conflict"):
        await react(world, ann, message)


async def test_a_reaction_raises_no_message_out_of_the_past(world: World):
    """Who reacts does not write: read marks and the room's place in lists stay."""
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    message = await world.send(ann, room.id)
    before = await world.membership(ben, room.id)
    await react(world, ben, message)
    assert await world.membership(ben, room.id) == before
