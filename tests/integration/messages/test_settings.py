"""Room settings: who may what, how fast, and how they are changed."""

import pytest

from shared.contracts import members, messages, rooms
from shared.contracts.entities import RoomSettings
from shared.ids import new_id
from tests.integration.messages.world import World, refused


async def change(world: World, user_id: str, room_id: str, **settings: object):
    return await world.ask(rooms.update, user_id, room_id=room_id, settings=settings)


async def test_settings_change_one_by_one_and_take_one_rev_where_something_changes(world: World):
    ann = new_id()
    room = await world.room(ann)
    assert room.settings == RoomSettings()
    changed = await change(world, ann, room.id, slow_mode_s=30, retention_days=7)
    assert changed.settings == RoomSettings(slow_mode_s=30, retention_days=7)
    same = await change(world, ann, room.id, slow_mode_s=30)
    assert same.rev == changed.rev
    changed = await change(world, ann, room.id, retention_days=None, who_may_post="moderators")
    assert changed.settings == RoomSettings(slow_mode_s=30, who_may_post="moderators")
    assert await world.get_room(ann, room.id) == changed


async def test_members_do_not_change_settings(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    with refused("forbidden"):
        await change(world, ben, room.id, slow_mode_s=30)


async def test_slow_mode_lets_members_wait_and_says_how_long(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    await change(world, ann, room.id, slow_mode_s=600)
    first = await world.send(ben, room.id)
    with refused("rate_limited") as caught:
        await world.send(ben, room.id)
    assert 590_000 < caught.value.body.retry_after_ms <= 600_000
    with refused("rate_limited"):
        await world.send(ben, room.id, thread_id=first.id)
    again = await world.ask(messages.send, ben, room_id=room.id, id=first.id, text="hello")
    assert again.duplicate, "a repetition is no second message"
    await world.send(ann, room.id)
    await world.send(ann, room.id)


async def test_leaving_and_coming_back_does_not_shorten_the_wait(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben, kind="public")
    await change(world, ann, room.id, slow_mode_s=600)
    await world.send(ben, room.id)
    await world.ask(rooms.leave, ben, room_id=room.id)
    await world.ask(rooms.join, ben, room_id=room.id)
    with refused("rate_limited"):
        await world.send(ben, room.id)


async def test_a_room_of_announcements_takes_replies_from_everybody(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    await change(world, ann, room.id, who_may_post="moderators")
    news = await world.send(ann, room.id)
    with refused("forbidden"):
        await world.send(ben, room.id)
    await world.send(ben, room.id, thread_id=news.id)
    await world.ask(members.set_role, ann, room_id=room.id, user_id=ben, role="moderator")
    await world.send(ben, room.id)


@pytest.mark.parametrize("call", ["<!room> look", "<!here> look"])
async def test_calling_everybody_can_be_left_to_moderators(world: World, call: str):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    await change(world, ann, room.id, who_may_mention_room="moderators")
    message = await world.send(ben, room.id, "quiet")
    with refused("forbidden"):
        await world.send(ben, room.id, call)
    with refused("forbidden"):
        await world.edit(ben, message, call)
    await world.send(ann, room.id, call)


async def test_a_message_mentions_fifty_people_at_most(world: World):
    ann = new_id()
    room = await world.room(ann)
    named = " ".join(f"<@{new_id()}>" for _ in range(51))
    with refused("invalid_input") as caught:
        await world.send(ann, room.id, named)
    assert caught.value.body.details["fields"][0]["path"] == "text"
    await world.send(ann, room.id, named.rpartition(" ")[0])
