"""Read marks: what is unread, whom it names, and which devices hear of it."""

from shared.contracts import messages, rooms
from shared.contracts.limits import MENTIONS_COUNTED_MAX
from shared.ids import new_id
from tests.integration.messages.world import World, refused


async def test_own_messages_are_read_and_those_of_others_are_not(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    for _ in range(3):
        await world.send(ann, room.id)
    assert (await world.membership(ann, room.id)).unread == 0
    assert (await world.membership(ben, room.id)).unread == 3
    await world.send(ben, room.id)
    mine = await world.membership(ben, room.id)
    assert (mine.read_seq, mine.unread) == (4, 0), "sending reads up to one's message"
    assert (await world.membership(ann, room.id)).unread == 1


async def test_a_mark_moves_forward_and_all_devices_hear_it(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    for _ in range(5):
        await world.send(ann, room.id)
    told = world.hear_user(ben)
    marked = await world.read(ben, room.id, 3)
    assert (marked.read_seq, marked.unread) == (3, 2)
    assert await world.read(ben, room.id, 2) == marked, "backward changes nothing"
    assert await world.read(ben, room.id, 3) == marked
    await world.read(ben, room.id, 5)
    frames = await told.until(2)
    assert [(frame["ev"], frame["user_rev"], frame["d"]["read_seq"]) for frame in frames] == [
        ("read.updated", 2, 3), ("read.updated", 3, 5),
    ]  # fmt: skip
    assert (await world.get_room(ann, room.id)).rev == room.rev + 5, "marks take no rev of the room"


async def test_a_mark_above_the_newest_names_its_field(world: World):
    ann = new_id()
    room = await world.room(ann)
    with refused("invalid_input") as caught:
        await world.read(ann, room.id, 1)
    assert caught.value.body.details["fields"][0]["path"] == "seq"


async def test_unread_sets_a_mark_back_exactly_and_skips_own_messages(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    for sender in (ann, ben, ann, ben, ann):
        await world.send(sender, room.id)
    back = await world.read(ben, room.id, 1, unread=True)
    assert (back.read_seq, back.unread) == (1, 2), "of the four above, two are one's own"
    assert (await world.membership(ben, room.id)) == back
    forward = await world.read(ben, room.id, 3)
    assert (forward.read_seq, forward.unread) == (3, 1)
    await world.send(ben, room.id)
    assert (await world.membership(ben, room.id)).unread == 0


async def test_mentions_are_counted_above_the_mark(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    await world.send(ann, room.id, f"<@{ben}> and <!room>")
    await world.send(ann, room.id, "<!room>")
    await world.send(ann, room.id, f"<@{ann}> <!here>")
    await world.send(ann, room.id, f"<@{ben}> <@{ben}>")
    assert (await world.membership(ben, room.id)).mentions == 3
    assert (await world.membership(ann, room.id)).mentions == 0
    assert (await world.read(ben, room.id, 1)).mentions == 2
    assert (await world.read(ben, room.id, 0, unread=True)).mentions == 3
    assert (await world.read(ann, room.id, 0, unread=True)).mentions == 0, "own ones do not count"


async def test_mentions_follow_edits_and_deletions(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    first = await world.send(ann, room.id, "nobody")
    second = await world.send(ann, room.id, f"<@{ben}>")
    edited = await world.edit(ann, first, f"<@{ben}>")
    assert edited.mentions.user_ids == [ben]
    assert (await world.membership(ben, room.id)).mentions == 2
    await world.edit(ann, edited, "nobody after all")
    await world.delete(ann, second)
    mine = await world.membership(ben, room.id)
    assert (mine.mentions, mine.unread) == (0, 2), "deleted messages count until passed"


async def test_mentions_are_counted_up_to_a_hundred(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    for number in range(MENTIONS_COUNTED_MAX + 5):
        await world.send(ann, room.id, "<!room>" if number % 2 else f"<@{ben}>")
    mine = await world.membership(ben, room.id)
    assert (mine.unread, mine.mentions) == (MENTIONS_COUNTED_MAX + 5, MENTIONS_COUNTED_MAX)


async def test_threads_do_not_touch_the_main_timeline(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    root = await world.send(ann, room.id)
    await world.read(ben, room.id, 1)
    await world.send(ann, room.id, f"<@{ben}>", thread_id=root.id)
    mine = await world.membership(ben, room.id)
    assert (mine.unread, mine.mentions, mine.read_seq) == (0, 0, 1)
    assert await world.read(ben, room.id, 1, thread_id=root.id) == mine
    with refused("invalid_input"):
        await world.read(ben, room.id, 2, thread_id=root.id)
    assert (await world.get_room(ann, room.id)).last_seq == 1
    assert (await world.ask(messages.get, ben, room_id=room.id, message_id=root.id)).reply_count == 1


async def test_the_list_of_rooms_shows_each_its_counts(world: World):
    ann, ben = new_id(), new_id()
    made = [await world.room(ann, ben, name=str(number)) for number in range(3)]
    for count, room in enumerate(made):
        for _ in range(count):
            await world.send(ann, room.id, f"<@{ben}>")
    own = await world.ask(rooms.list_own, ben)
    counts = {each.room.name: (each.membership.unread, each.membership.mentions) for each in own.rooms}
    assert counts == {"0": (0, 0), "1": (1, 1), "2": (2, 2)}
