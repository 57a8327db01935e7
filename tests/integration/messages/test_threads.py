"""Threads: a timeline of their own, and two revs for each reply."""

from shared.contracts import messages
from shared.contracts.entities import Message
from shared.ids import new_id
from tests.integration.messages.world import World, refused


async def get(world: World, user_id: str, message: Message) -> Message:
    return await world.ask(messages.get, user_id, room_id=message.room_id, message_id=message.id)


async def test_a_reply_takes_two_revs_its_own_and_the_roots(world: World):
    ann = new_id()
    room = await world.room(ann)
    root = await world.send(ann, room.id)
    heard = world.hear_room(room.id)
    reply = await world.send(ann, room.id, thread_id=root.id)
    assert (reply.seq, reply.rev, reply.thread_id) == (1, root.rev + 1, root.id)
    created, updated = await heard.until(2)
    assert (created["ev"], created["rev"], created["d"]["id"]) == ("message.created", reply.rev, reply.id)
    assert (updated["ev"], updated["rev"], updated["d"]["id"]) == ("message.updated", reply.rev + 1, root.id)
    assert updated["d"] | {"rev": 0} == updated["d"] | {
        "rev": 0, "reply_count": 1, "last_reply_at": reply.created_at
    }  # fmt: skip
    assert (await get(world, ann, root)).rev == reply.rev + 1


async def test_deleting_a_reply_takes_it_out_of_the_count(world: World):
    ann = new_id()
    room = await world.room(ann)
    root = await world.send(ann, room.id)
    first = await world.send(ann, room.id, thread_id=root.id)
    second = await world.send(ann, room.id, thread_id=root.id)
    heard = world.hear_room(room.id)
    await world.delete(ann, second)
    await heard.until(2)
    assert heard.names == ["message.deleted", "message.updated"]
    now = await get(world, ann, root)
    assert (now.reply_count, now.last_reply_at) == (1, first.created_at)
    await world.delete(ann, first)
    await world.delete(ann, first)
    now = await get(world, ann, root)
    assert (now.reply_count, now.last_reply_at) == (0, None)
    third = await world.send(ann, room.id, thread_id=root.id)
    assert third.seq == 3, "deleted replies keep their places"
    listed = await world.list(ann, room.id, thread_id=root.id)
    assert [each.seq for each in listed.messages] == [1, 2, 3]
    assert [each.seq for each in (await world.list(ann, room.id)).messages] == [1]


async def test_a_thread_within_a_thread_is_a_conflict(world: World):
    ann = new_id()
    room = await world.room(ann)
    root = await world.send(ann, room.id)
    reply = await world.send(ann, room.id, thread_id=root.id)
    with refused("conflict"):
        await world.send(ann, room.id, thread_id=reply.id)
    with refused("not_found"):
        await world.send(ann, room.id, thread_id=new_id())


async def test_a_message_can_answer_another(world: World):
    ann = new_id()
    room = await world.room(ann)
    first = await world.send(ann, room.id)
    assert (await world.send(ann, room.id, reply_to=first.id)).reply_to == first.id


async def test_editing_and_deleting_change_what_they_must_and_nothing_twice(world: World):
    ann = new_id()
    room = await world.room(ann)
    message = await world.send(ann, room.id, "before <!here>")
    heard = world.hear_room(room.id)
    edited = await world.edit(ann, message, "after")
    assert (edited.text, edited.rev, edited.seq) == ("after", message.rev + 1, message.seq)
    assert edited.edited_at is not None
    assert not edited.mentions.here
    assert await world.edit(ann, message, "after") == edited
    gone = await world.delete(ann, message)
    assert (gone.text, gone.rev, gone.seq) == ("", edited.rev + 1, message.seq)
    assert gone.deleted_at is not None
    assert await world.delete(ann, message) == gone
    with refused("conflict"):
        await world.edit(ann, message, "again")
    await world.send(ann, room.id)
    await heard.until(3)
    assert heard.names == ["message.updated", "message.deleted", "message.created"]
    assert heard.revs == [edited.rev, gone.rev, gone.rev + 1]
    assert await get(world, ann, message) == gone
