"""Sending, editing, deleting: what the sender is told, what everybody hears."""

import asyncio

import msgspec
import pytest

from shared.contracts import messages
from shared.contracts.errors import ErrorCode
from shared.contracts.messages import SentMessage
from shared.errors import ChatError
from shared.ids import new_id
from tests.integration.messages.world import World


async def test_a_message_is_answered_and_heard_with_the_same_content(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    heard = world.hear_room(room.id)
    message = await world.send(ann, room.id, "hello <@" + ben + ">")
    [frame] = await heard.until(1)
    assert heard.raw[0].startswith(
        b'{"ev":"message.created","room_id":"%b","epoch":1,"rev":3,"d":{"id":' % room.id.encode()
    )
    assert frame["d"] == msgspec.to_builtins(message)
    assert (message.seq, message.rev, message.sender_id, message.kind) == (1, 3, ann, "text")
    assert message.mentions.user_ids == [ben]
    assert message.created_at.endswith("Z")
    assert len(message.created_at) == len("2026-01-31T12:00:00.000Z")


async def test_the_same_id_again_returns_the_stored_message(world: World):
    ann = new_id()
    room = await world.room(ann)
    message_id = new_id()
    fields = {"room_id": room.id, "id": message_id}
    first = await world.ask(messages.send, ann, **fields, text="one")
    again = await world.ask(messages.send, ann, **fields, text="two")
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.message == first.message


async def test_the_same_id_from_another_sender_is_a_conflict(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    message = await world.send(ann, room.id)
    with pytest.raises(ChatError) as refused:
        await world.send(ben, room.id, id=message.id)
    assert refused.value.code is ErrorCode.CONFLICT


async def test_one_id_sent_twenty_times_at_once_is_one_message(world: World):
    ann = new_id()
    room = await world.room(ann)
    heard = world.hear_room(room.id)
    fields = {"room_id": room.id, "id": new_id(), "text": "once"}
    sent: list[SentMessage] = await asyncio.gather(
        *(world.ask(messages.send, ann, **fields) for _ in range(20))
    )
    assert [each.duplicate for each in sent].count(False) == 1
    assert {each.message.seq for each in sent} == {1}
    await world.send(ann, room.id)
    await heard.until(2)
    assert heard.revs == [2, 3]
