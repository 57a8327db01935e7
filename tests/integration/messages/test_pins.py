"""Pins: messages that a room keeps in sight."""

from shared.contracts import messages, reactions, rooms
from shared.contracts.entities import Message
from shared.ids import new_id
from tests.integration.messages.world import World, refused


async def pin(world: World, user_id: str, message: Message) -> None:
    await world.ask(reactions.pin, user_id, room_id=message.room_id, message_id=message.id)


async def unpin(world: World, user_id: str, message: Message) -> None:
    await world.ask(reactions.unpin, user_id, room_id=message.room_id, message_id=message.id)


async def pins(world: World, user_id: str, room_id: str) -> list[Message]:
    return (await world.ask(reactions.list_pins, user_id, room_id=room_id)).pins


async def test_pinning_is_one_rev_and_again_none(world: World):
    ann = new_id()
    room = await world.room(ann)
    message = await world.send(ann, room.id)
    heard = world.hear_room(room.id)
    for act in (pin, pin, unpin, unpin):
        await act(world, ann, message)
    pinned, unpinned = await heard.until(2)
    assert (pinned["ev"], pinned["rev"]) == ("message.pinned", message.rev + 1)
    assert pinned["d"]["pinned_at"] is not None
    assert (unpinned["ev"], unpinned["rev"]) == ("message.unpinned", message.rev + 2)
    assert unpinned["d"]["pinned_at"] is None
    assert (await world.get_room(ann, room.id)).rev == message.rev + 2


async def test_the_latest_pin_comes_first_and_deleted_messages_go(world: World):
    ann = new_id()
    room = await world.room(ann)
    first, second, third = [await world.send(ann, room.id, text) for text in ("one", "two", "three")]
    for message in (second, first, third):
        await pin(world, ann, message)
    await world.delete(ann, first)
    found = await pins(world, ann, room.id)
    assert [each.text for each in found] == ["three", "two"]
    assert found[0] == await world.ask(messages.get, ann, room_id=room.id, message_id=third.id)
    with refused("conflict"):
        await pin(world, ann, first)


async def test_pins_that_one_reply_cannot_hold_come_in_pages(world: World):
    ann = new_id()
    room = await world.room(ann)
    long = "ü" * 15_000
    sent = [await world.send(ann, room.id, long) for _ in range(20)]
    for message in sent:
        await pin(world, ann, message)
    page = await world.ask(reactions.list_pins, ann, room_id=room.id)
    seqs = [each.seq for each in page.pins]
    while page.next_cursor:
        page = await world.ask(reactions.list_pins, ann, room_id=room.id, cursor=page.next_cursor)
        seqs += [each.seq for each in page.pins]
    assert seqs == [each.seq for each in reversed(sent)]


async def test_a_room_has_a_hundred_pins_at_most(world: World):
    ann = new_id()
    room = await world.room(ann)
    sent = [await world.send(ann, room.id) for _ in range(101)]
    for message in sent[:100]:
        await pin(world, ann, message)
    with refused("conflict"):
        await pin(world, ann, sent[100])
    await unpin(world, ann, sent[3])
    await pin(world, ann, sent[100])


async def test_a_room_can_leave_pinning_to_its_moderators(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    message = await world.send(ben, room.id)
    await pin(world, ben, message)
    await world.ask(rooms.update, ann, room_id=room.id, settings={"who_may_pin": "moderators"})
    with refused("forbidden"):
        await unpin(world, ben, message)
    await unpin(world, ann, message)
