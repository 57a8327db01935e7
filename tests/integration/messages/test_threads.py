"""Threads: a timeline of their own, and two revs for each reply."""

import msgspec

from shared.contracts import internal, messages, rooms, threads
from shared.contracts.entities import Message
from shared.contracts.threads import Thread
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


async def followed(world: World, user_id: str, **fields: object) -> list[Thread]:
    return (await world.ask(threads.list_threads, user_id, **fields)).threads


async def test_who_replies_and_whose_message_it_is_follow_the_thread(world: World):
    ann, ben, cem = new_id(), new_id(), new_id()
    room = await world.room(ann, ben, cem)
    root = await world.send(ann, room.id)
    heard = world.hear_user(ann)
    reply = await world.send(ben, room.id, thread_id=root.id)
    [told] = await heard.until(1)
    assert (told["ev"], told["d"]) == (
        "thread.updated", {"room_id": room.id, "thread_id": root.id, "read_seq": 0, "following": True},
    )  # fmt: skip
    [mine], [bens] = await followed(world, ann), await followed(world, ben)
    assert (mine.message.id, mine.last_seq, mine.read_seq, mine.unread) == (root.id, 1, 0, 1)
    assert (bens.read_seq, bens.unread) == (reply.seq, 0), "replying marks read up to one's own"
    assert await followed(world, cem) == []
    [seen] = await followed(world, cem, room_id=room.id)
    assert (seen.message.id, seen.unread, seen.following) == (root.id, 1, False)


async def test_further_replies_of_ones_own_are_no_news_to_ones_devices(world: World):
    ann = new_id()
    room = await world.room(ann)
    root = await world.send(ann, room.id)
    await world.send(ann, room.id, thread_id=root.id)
    heard = world.hear_user(ann)
    await world.send(ann, room.id, thread_id=root.id)
    await world.read(ann, room.id, 1, thread_id=root.id, unread=True)
    [told] = await heard.until(1)
    assert told["d"]["read_seq"] == 1
    [mine] = await followed(world, ann)
    assert (mine.read_seq, mine.unread) == (1, 0), "one's own replies are not unread"


async def test_who_stopped_following_is_not_made_to_until_they_reply(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    root = await world.send(ann, room.id)
    await world.send(ben, room.id, thread_id=root.id)
    mark = await world.ask(threads.unfollow, ann, room_id=room.id, message_id=root.id)
    assert (mark.following, mark.read_seq) == (False, 0)
    await world.send(ben, room.id, thread_id=root.id)
    assert await followed(world, ann) == []
    await world.send(ann, room.id, thread_id=root.id)
    [mine] = await followed(world, ann)
    assert (mine.unread, mine.read_seq) == (0, 3)


async def test_following_again_changes_nothing(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    root = await world.send(ann, room.id)
    heard = world.hear_user(ben)
    named = {"room_id": room.id, "message_id": root.id}
    assert (await world.ask(threads.follow, ben, **named)).following
    assert (await world.ask(threads.follow, ben, **named)).following
    await world.ask(threads.unfollow, ben, **named)
    told = await heard.until(2)
    assert [each["d"]["following"] for each in told] == [True, False]
    assert [each["user_rev"] for each in told] == [2, 3]


async def test_a_device_that_missed_the_hint_is_told_by_healing(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    root = await world.send(ann, room.id)
    await world.ask(threads.follow, ben, room_id=room.id, message_id=root.id)
    missed = await world.call(internal.USER_CHANGES, internal.GetUserChanges(ben, 1), internal.UserChanges)
    [item] = missed.items
    assert item.ev == "thread.updated"
    assert msgspec.json.decode(item.d)["thread_id"] == root.id


async def test_the_author_who_left_the_room_is_not_drawn_in(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    root = await world.send(ben, room.id)
    await world.ask(rooms.leave, ben, room_id=room.id)
    await world.send(ann, room.id, thread_id=root.id)
    missed = await world.call(internal.USER_CHANGES, internal.GetUserChanges(ben, 0), internal.UserChanges)
    assert missed.items == []
    assert await followed(world, ben) == []


async def test_threads_are_listed_latest_reply_first_in_pages(world: World):
    ann = new_id()
    room = await world.room(ann)
    roots = [await world.send(ann, room.id, f"root {number}") for number in range(5)]
    for root in (*roots, roots[1]):
        await world.send(ann, room.id, thread_id=root.id)
    for scope in ({}, {"room_id": room.id}):
        found, cursor = [], {}
        while True:
            page = await world.ask(threads.list_threads, ann, limit=2, **scope, **cursor)
            found += [each.message.text for each in page.threads]
            if page.next_cursor is None:
                break
            cursor = {"cursor": page.next_cursor}
        assert found == ["root 1", "root 4", "root 3", "root 2", "root 0"]
