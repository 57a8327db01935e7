"""A user's 20 places over all nodes: the newest go without, those of a dead node are free again."""

import asyncio

import pytest

from services.gateway.presence import Lease
from shared.background import Background
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.ids import new_id
from tests.integration.presence.setting import RENEW_S, TIMING, Node, until


async def ask(node: Node, user_id: str, kept: int, wanted: int) -> int:
    """Ask for places on a node; returns how many it was given."""
    node.users.add(user_id)
    held = await node.hold(online=[user_id], places=[(kept, wanted)], count=len(node.users))
    assert held.known
    return held.places.get(user_id, wanted)


async def test_places_are_counted_over_all_nodes_and_the_later_node_gets_the_rest(start_node):
    ann, here, there = new_id(), await start_node(), await start_node()
    assert await ask(here, ann, 0, 12) == 12
    assert await ask(there, ann, 0, 12) == 8
    assert await ask(there, ann, 8, 12) == 8
    assert await ask(here, ann, 12, 13) == 12


async def test_a_repeated_call_gets_the_same_answer(start_node):
    ann, here, there = new_id(), await start_node(), await start_node()
    await ask(here, ann, 0, 15)
    assert [await ask(there, ann, 0, 10) for _ in range(3)] == [5, 5, 5]


async def test_a_place_given_back_is_there_for_another_node(start_node):
    ann, here, there = new_id(), await start_node(), await start_node()
    await ask(here, ann, 0, 20)
    assert await ask(there, ann, 0, 1) == 0
    await ask(here, ann, 20, 19)
    assert await ask(there, ann, 0, 1) == 1


async def test_the_places_of_a_dead_node_are_free_after_its_lease(start_node):
    ann, dying, living = new_id(), await start_node(), await start_node()
    await ask(dying, ann, 0, 20)
    assert await ask(living, ann, 0, 5) == 0
    await dying.pause()

    async def are_free() -> bool:
        return await ask(living, ann, 0, 5) == 5

    await until(are_free, "the places of the dead node are free")


async def test_a_node_that_lost_its_lease_keeps_what_it_had_and_is_not_counted_twice(start_node):
    ann, node = new_id(), await start_node()
    await ask(node, ann, 0, 20)
    await node.pause()
    node.incarnation = new_id()
    held = await node.hold(online=[ann], places=[(20, 20)], full=True, count=1)
    assert (held.known, held.places) == (True, {})


async def test_whoever_had_places_keeps_them_although_all_was_lost_and_others_were_quicker(
    start_node, redis_url
):
    from shared import kv

    ann, here, there = new_id(), await start_node(), await start_node()
    await ask(here, ann, 0, 12)
    await ask(there, ann, 0, 8)
    for node in (here, there):
        await node.pause()
    async with kv.create_client(redis_url) as client:
        await client.flushall()
    # Twelve more came to the second node while nobody counted.
    for node, kept, wanted, given in ((there, 8, 20, 20), (here, 12, 13, 12)):
        node.incarnation = new_id()
        held = await node.hold(online=[ann], places=[(kept, wanted)], full=True, count=1)
        assert held.places.get(ann, wanted) == given


async def test_a_user_without_a_place_leaves_the_lease_whole(start_node):
    ann, here, there = new_id(), await start_node(), await start_node()
    await ask(here, ann, 0, 20)
    assert await ask(there, ann, 0, 1) == 0
    await asyncio.sleep(TIMING.lease_s)
    assert there.incarnations == 1
    assert (await there.hold(offline=[ann], count=0)).known


async def test_places_for_others_than_those_named_are_refused(start_node):
    node = await start_node()
    with pytest.raises(ChatError) as refusal:
        await node.hold(online=[new_id()], places=[(0, 1), (0, 1)])
    assert refusal.value.code == ErrorCode.INVALID_INPUT


class Gate:
    """A gateway's side of the lease, that only notes what it is told."""

    def __init__(self, bus, background) -> None:
        self.lease = Lease(bus, background, new_id())
        self.told: list[tuple[str, int, int]] = []
        self.lease.on_fewer_places = self._on_fewer_places
        self.lease.start()

    def _on_fewer_places(self, user_id: str, places: int, wanted: int) -> None:
        self.told.append((user_id, places, wanted))
        self.lease.set(user_id, places)


@pytest.fixture
async def gates(service, gateway_bus, monkeypatch):
    monkeypatch.setattr("services.gateway.presence._RENEW_S", RENEW_S)  # as short as the lease here
    async with Background() as background:
        yield [Gate(gateway_bus, background) for _ in range(2)]


async def test_the_gateway_claims_no_place_that_it_was_not_given(watcher, gates):
    ann, (here, there) = new_id(), gates
    here.lease.set(ann, 15)
    await watcher.hears(ann, "online")
    there.lease.set(ann, 10)
    await until(lambda: there.told == [(ann, 5, 10)], "the second node is told")
    there.lease.set(ann, 6)
    await until(lambda: there.told[1:] == [(ann, 5, 6)], "and again for the next newcomer")
    here.lease.set(ann, 14)
    bob = new_id()
    here.lease.set(bob, 1)
    await watcher.hears(bob, "online")
    there.lease.set(ann, 6)
    there.lease.set(bob, 1)
    await until(lambda: not there.lease._changed, "the second node has told")
    assert len(there.told) == 2


async def test_after_its_release_a_node_takes_no_places_any_more(watcher, gates):
    ann, here = new_id(), gates[0]
    here.lease.set(ann, 2)
    await watcher.hears(ann, "online")
    await here.lease.release()
    here.lease.set(ann, 1)
    await watcher.hears(ann, "online", "offline")
    assert (await watcher.read(ann))[0].status == "offline"
