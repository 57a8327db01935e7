"""The messages service's side of an import, without the process around it."""

from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from services.messages import importing
from services.messages.importing import HistoryIntake
from services.messages.store.deployment import prepare
from services.messages.verifying import verify
from services.messages.verifying.findings import Finding
from shared.contracts import messages, reactions
from shared.contracts.entities import Reaction
from shared.contracts.importing import (
    HistoryBatch,
    HistoryMessage,
    HistoryReaction,
    RoomEnd,
    RoomHead,
    RoomMember,
)
from shared.ids import dm_room_id, new_id
from tests.integration.importing.command import check_rules
from tests.integration.messages.world import World

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def intake(database: asyncpg.Connection) -> HistoryIntake:
    await prepare(database)
    return HistoryIntake(database)


def head(creator: str, user_ids: list[str] | None = None) -> RoomHead:
    if user_ids is not None:
        return RoomHead(dm_room_id(user_ids), "group_dm", None, "", sorted(user_ids), creator, NOON)
    return RoomHead(new_id(), "public", "old days", "", None, creator, NOON)


def said(*user_ids: str, thread_id: str | None = None) -> list[HistoryMessage]:
    return [
        HistoryMessage(new_id(), user_id, "hello", NOON + timedelta(seconds=number), thread_id=thread_id)
        for number, user_id in enumerate(user_ids)
    ]


async def verify_all(world: World) -> list[Finding]:
    found: list[Finding] = []
    connection = await asyncpg.connect(world.database_url)
    try:
        await verify(connection, found.append, lambda _summary: None)
    finally:
        await connection.close()
    return found


async def test_many_members_come_in_part_by_part_and_each_once(
    world: World, database: asyncpg.Connection, intake: HistoryIntake, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importing, "_MEMBERS_AT_ONCE", 2)
    user_ids = [new_id() for _ in range(5)]
    room = head(user_ids[0])
    end = RoomEnd([RoomMember(each, "member") for each in user_ids])
    heard = [world.hear_user(each) for each in user_ids]
    batch = HistoryBatch(room, said(*user_ids), end)
    stored = await intake.answer(batch)
    assert (stored.added, stored.joined) == (5, 5)
    again = await intake.answer(batch)
    assert (again.added, again.known, again.joined) == (0, 5, 0)
    for each in heard:
        await each.until(1)
        assert each.names == ["room.added"]
    listed = await world.list(user_ids[4], room.id)
    assert [each.seq for each in listed.messages] == [1, 2, 3, 4, 5]
    await check_rules(database)


async def test_a_direct_message_is_there_for_its_people_from_its_first_part_on(
    world: World, database: asyncpg.Connection, intake: HistoryIntake
):
    ann, ben, cat = sorted(new_id() for _ in range(3))
    room = head(ann, [ann, ben, cat])
    await intake.answer(HistoryBatch(room, said(ann, ben)))
    assert (await world.membership(ben, room.id)).unread == 0
    await world.send(cat, room.id, "meanwhile")
    assert (await world.membership(ben, room.id)).unread == 1
    await intake.answer(HistoryBatch(room, said(ann, ben, cat), RoomEnd([])))
    assert (await world.membership(cat, room.id)).unread == 0, "who had read all has still"
    assert (await world.membership(ben, room.id)).unread == 3, "his own are none of them"
    assert [each.seq for each in (await world.list(ann, room.id)).messages] == [1, 2, 3, 4, 5, 6]


async def test_a_thread_goes_on_where_people_have_gone_on(
    world: World, database: asyncpg.Connection, intake: HistoryIntake
):
    ann = new_id()
    room = head(ann)
    [root] = said(ann)
    first = HistoryBatch(room, [root, *said(ann, thread_id=root.id)], RoomEnd([RoomMember(ann, "owner")]))
    await intake.answer(first)
    own = await world.send(ann, room.id, "a new reply", thread_id=root.id)
    assert own.seq == 2
    late = said(ann, thread_id=root.id)
    batch = msgspec.structs.replace(first, messages=[*first.messages, *late])
    stored = await intake.answer(batch)
    assert (stored.added, stored.orphans) == (1, 0)
    replies = (await world.list(ann, room.id, thread_id=root.id)).messages
    assert [(each.seq, each.id == late[0].id) for each in replies] == [(1, False), (2, False), (3, True)]
    changed = await world.changes(ann, room.id, own.rev)
    assert {each.id for each in changed.messages} == {root.id, late[0].id}
    assert changed.position.rev == (await world.get_room(ann, room.id)).rev


async def test_reactions_keep_the_order_in_which_they_were_given(world: World, intake: HistoryIntake):
    """Four in which ids do not ascend, of two kinds: listed as they are shown, and one more comes last."""
    ann, *others = sorted((new_id() for _ in range(4)), reverse=True)
    room = head(ann)
    [liked] = said(ann)
    given = [HistoryReaction("👍", [ann, *others]), HistoryReaction("🎉", [others[1], ann])]
    liked = msgspec.structs.replace(liked, reactions=given)
    newcomer = new_id()
    people = [RoomMember(each, "member") for each in (ann, *others, newcomer)]
    await intake.answer(HistoryBatch(room, [liked], RoomEnd(people)))
    named = {"room_id": room.id, "message_id": liked.id}
    expected = [Reaction(each.emoji, len(each.user_ids), each.user_ids) for each in given]
    assert (await world.ask(messages.get, ann, **named)).reactions == expected
    assert (await world.ask(reactions.list_reactions, ann, **named)).reactions == expected
    await world.ask(reactions.add, newcomer, **named, emoji="👍")
    expected[0] = Reaction("👍", 5, [ann, *others, newcomer])
    assert (await world.ask(messages.get, ann, **named)).reactions == expected
    assert await verify_all(world) == []
