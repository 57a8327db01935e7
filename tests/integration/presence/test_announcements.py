"""What watchers hear: gathered changes, statuses, their end, and nothing of the invisible."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.bus import Bus
from shared.clock import to_wire
from shared.errors import ChatError
from shared.ids import new_id
from tests.integration.presence.setting import TIMING, Node, Watcher, replica

PATIENT = replace(TIMING, gather_s=2)  # so long a busy machine needs for a few commands


@pytest.fixture
async def node(start_node):
    return await start_node()


@pytest.fixture
async def gathering(
    nats_url: Callable[[str], str], redis_url: str, gateway_bus: Bus
) -> AsyncIterator[tuple[Watcher, Node]]:
    """A watcher and a node of a service that gathers changes for longer."""
    async with replica(nats_url("presence"), redis_url, PATIENT):
        watcher = Watcher(gateway_bus)
        await gateway_bus.flush()
        node = await Node(gateway_bus).start()
        yield watcher, node
        await node.pause()


async def outlast_a_gathering(watcher: Watcher, node: Node, other: str) -> None:
    """Let somebody else be announced twice: what was gathered before the second time has been heard."""
    await node.join(other)
    await watcher.hears(other, "online")
    await node.leave(other)
    await watcher.hears(other, "online", "offline")


async def test_a_status_is_announced_with_its_text(watcher, node):
    ann = new_id()
    await node.join(ann)
    await watcher.hears(ann, "online")
    answered = await watcher.set(ann, "dnd", text="writing")
    await watcher.hears(ann, "online", "dnd")
    assert watcher.heard[-1] == answered
    assert (answered.text, (await watcher.get(new_id(), ann))[0]) == ("writing", answered)


async def test_changes_within_the_gathering_time_are_announced_as_one(gathering):
    ann, (watcher, node) = new_id(), gathering
    await node.join(ann)
    await watcher.hears(ann, "online")
    for index in range(20):
        await watcher.set(ann, "away", text=f"step {index}")
    await watcher.hears(ann, "online", "away")
    assert watcher.heard[-1].text == "step 19"


async def test_a_blip_within_the_gathering_time_is_not_announced(gathering):
    ann, bob, (watcher, node) = new_id(), new_id(), gathering
    await node.join(ann)
    await watcher.hears(ann, "online")
    await node.leave(ann)
    await node.join(ann)
    await outlast_a_gathering(watcher, node, bob)
    assert watcher.statuses(ann) == ["online"]


async def test_the_invisible_look_offline_to_all_but_themselves(watcher, node):
    ann = new_id()
    await node.join(ann)
    await watcher.hears(ann, "online")
    await watcher.set(ann, "invisible", text="hidden")
    await watcher.hears(ann, "online", "offline")
    for others_view in (watcher.heard[-1], *await watcher.get(new_id(), ann)):
        assert (others_view.status, others_view.text, others_view.last_active_at) == ("offline", None, None)
    [as_gateways_read] = await watcher.read(ann)  # those of the version before, too
    assert (as_gateways_read.status, as_gateways_read.text, as_gateways_read.last_active_at) == (
        "offline",
        "",
        None,
    )
    own_view = (await watcher.get(ann, ann))[0]
    assert (own_view.status, own_view.text) == ("invisible", "hidden")


async def test_comings_and_goings_of_the_invisible_are_not_announced(watcher, node):
    ann, bob = new_id(), new_id()
    await watcher.set(ann, "invisible")
    await node.join(ann)
    await node.leave(ann)
    await outlast_a_gathering(watcher, node, bob)
    assert watcher.statuses(ann) == []


async def test_a_status_that_expires_falls_back_and_is_announced(watcher, node):
    ann = new_id()
    await node.join(ann)
    await watcher.hears(ann, "online")
    end = datetime.now(UTC) + timedelta(seconds=10 * TIMING.gather_s)
    await watcher.set(ann, "away", text="lunch", expires_at=to_wire(end))
    await watcher.sees(ann, "away")
    await watcher.sees(ann, "online")
    await watcher.hears(ann, "online", "away", "online")
    assert watcher.heard[-1].text is None


@pytest.mark.parametrize("moment", ["2001-01-01T00:00:00.000Z", "2031-02-30T00:00:00.000Z"])
async def test_an_end_that_is_past_or_no_moment_at_all_is_refused(watcher, moment):
    with pytest.raises(ChatError) as refusal:
        await watcher.set(new_id(), "away", expires_at=moment)
    assert refusal.value.code == "invalid_input"
    assert refusal.value.body.details["fields"][0]["path"] == "expires_at"


async def test_a_status_set_before_connecting_counts_from_then_on(watcher, node):
    ann = new_id()
    assert (await watcher.set(ann, "away", text="soon")).status == "away"
    assert (await watcher.get(new_id(), ann))[0].status == "offline"
    await node.join(ann)
    await watcher.hears(ann, "away")


async def test_people_are_read_in_the_order_asked_and_strangers_are_offline(watcher, node):
    ann, bob, stranger = new_id(), new_id(), new_id()
    await node.join(ann, bob)
    seen = await watcher.get(ann, bob, stranger, ann)
    assert [(each.user_id, each.status) for each in seen] == [
        (bob, "online"),
        (stranger, "offline"),
        (ann, "online"),
    ]
    assert seen[1].last_active_at is None


async def test_ids_that_are_none_and_too_many_of_them_are_refused(watcher, node):
    for bad in ([f"{new_id()}.*"], [new_id() for _ in range(1_001)]):
        with pytest.raises(ChatError) as refusal:
            await node.hold(online=bad)
        assert refusal.value.code == "invalid_input"
