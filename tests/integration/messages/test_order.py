"""One order for everybody: dense numbers under many senders, two instances, and changes of every kind."""

import asyncio
import random

from shared.contracts import members, messages, rooms
from shared.contracts.messages import SentMessage
from shared.ids import new_id
from tests.integration.messages.world import World

SENDERS = 16
EACH = 25


async def test_sixteen_senders_on_two_instances_get_one_dense_order(world: World):
    people = [new_id() for _ in range(SENDERS)]
    room = await world.room(*people)
    heard = world.hear_room(room.id)

    async def talk(user_id: str) -> list[int]:
        return [(await world.send(user_id, room.id)).seq for _ in range(EACH)]

    spoken = await asyncio.gather(*map(talk, people))
    assert all(seqs == sorted(seqs) for seqs in spoken), "each sender's own order is kept"
    total = SENDERS * EACH
    assert sorted(seq for seqs in spoken for seq in seqs) == list(range(1, total + 1))
    frames = await heard.until(total)
    by_rev = sorted(frames, key=lambda frame: frame["rev"])
    assert [frame["rev"] for frame in by_rev] == list(range(SENDERS + 1, SENDERS + total + 1))
    assert [frame["d"]["seq"] for frame in by_rev] == list(range(1, total + 1))
    stored = await world.list(people[0], room.id, after_seq=0, limit=100)
    assert [each.id for each in stored.messages] == [frame["d"]["id"] for frame in by_rev[:100]]


async def test_every_kind_of_change_takes_the_next_rev(world: World):
    """Sends, edits, deletions, marks, joins, roles and renames at once: no hole, no double."""
    chance = random.Random(17)
    ann, *others = [new_id() for _ in range(6)]
    room = await world.room(ann, *others, kind="public")
    heard = world.hear_room(room.id)

    async def act(user_id: str) -> None:
        for number in range(15):
            message = await world.send(user_id, room.id)
            match chance.randrange(6):
                case 0:
                    await world.edit(user_id, message, f"edited {number}")
                case 1:
                    await world.delete(user_id, message)
                case 2:
                    await world.send(user_id, room.id, thread_id=message.id)
                case 3:
                    await world.ask(members.add, user_id, room_id=room.id, user_ids=[new_id()])
                case 4:
                    await world.ask(rooms.update, ann, room_id=room.id, topic=f"{user_id} {number}")
                case _:
                    await world.read(user_id, room.id, message.seq)

    await asyncio.gather(*map(act, (ann, *others)))
    last = (await world.get_room(ann, room.id)).rev
    await heard.until(last - room.rev)
    assert sorted(heard.revs) == list(range(room.rev + 1, last + 1))


async def test_a_batch_answers_each_of_its_commands_by_itself(world: World):
    """Good, double, foreign and refused commands at once, for rooms that exist and one that does not."""
    ann, ben = new_id(), new_id()
    one, two = await world.room(ann, ben), await world.room(ann)
    twice = new_id()
    results = await asyncio.gather(
        world.send(ann, one.id, "a", id=twice),
        world.send(ann, one.id, "b", id=twice),
        world.send(ben, one.id, "c", id=twice),
        world.send(ben, two.id),
        world.send(ann, new_id()),
        world.send(ann, two.id),
        return_exceptions=True,
    )
    codes = [getattr(result, "code", "ok") for result in results]
    # Two senders, one id: whoever's command arrives first has it.
    assert codes[:3] in (["ok", "ok", "conflict"], ["conflict", "conflict", "ok"])
    assert codes[3:] == ["not_found", "not_found", "ok"]
    assert codes[0] == "conflict" or results[0] == results[1]
    assert (await world.get_room(ann, one.id)).last_seq == 1


async def test_a_message_can_be_sent_and_changed_in_one_batch(world: World):
    """Commands of one sender queue up behind each other and may share a transaction."""
    ann = new_id()
    room = await world.room(ann)
    heard = world.hear_room(room.id)
    ids = [new_id() for _ in range(30)]
    fields = {"room_id": room.id}
    await asyncio.gather(
        *(world.ask(messages.send, ann, **fields, id=each, text="<!room>") for each in ids),
        *(world.ask(messages.edit, ann, **fields, message_id=each, text="edited") for each in ids),
        *(world.ask(messages.send, ann, **fields, id=new_id(), thread_id=each, text="reply") for each in ids),
        *(world.ask(messages.delete, ann, **fields, message_id=each) for each in ids[:15]),
        return_exceptions=True,
    )
    last = (await world.get_room(ann, room.id)).rev
    await heard.until(last - room.rev)
    by_rev = sorted(heard.frames, key=lambda frame: frame["rev"])
    assert [frame["rev"] for frame in by_rev] == list(range(room.rev + 1, last + 1))
    stored = {each.id: each for each in (await world.changes(ann, room.id, 0)).messages}
    latest = {frame["d"]["id"]: frame["d"]["rev"] for frame in by_rev}
    assert {key: each.rev for key, each in stored.items()} == latest
    for each in stored.values():
        replies = [other for other in stored.values() if other.thread_id == each.id]
        assert each.reply_count == len(replies)


async def test_the_same_commands_on_two_instances_at_once_are_one(world: World):
    ann = new_id()
    room = await world.room(ann)
    ids = [new_id() for _ in range(40)]
    sent: list[SentMessage] = await asyncio.gather(
        *(world.ask(messages.send, ann, room_id=room.id, id=each, text="x") for each in ids * 3)
    )
    assert len({each.message.seq for each in sent}) == len(ids)
    assert sum(not each.duplicate for each in sent) == len(ids)
    assert (await world.get_room(ann, room.id)).rev == room.rev + len(ids)
