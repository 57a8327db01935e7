"""Who is online while which node lives: devices on several nodes, death, pause, two replicas."""

from shared import kv
from shared.ids import new_id
from tests.integration.presence.setting import Node, Watcher, replica, until


async def test_a_user_on_two_nodes_is_online_until_the_last_one_lets_go(watcher, start_node):
    ann = new_id()
    laptop, phone = await start_node(), await start_node()
    await laptop.join(ann)
    await watcher.hears(ann, "online")
    await phone.join(ann)
    await laptop.leave(ann)
    assert (await watcher.read(ann))[0].status == "online"
    await phone.leave(ann)
    await watcher.hears(ann, "online", "offline")


async def test_a_dead_node_takes_its_users_offline_but_those_who_are_elsewhere_too(watcher, start_node):
    ann, bob = new_id(), new_id()
    dying, living = await start_node(), await start_node()
    await dying.join(ann, bob)
    await living.join(bob)
    await watcher.hears(ann, "online")
    await dying.pause()
    await watcher.hears(ann, "online", "offline")
    assert watcher.statuses(bob) == ["online"]
    assert [each.status for each in await watcher.read(ann, bob)] == ["offline", "online"]


async def test_a_dead_node_of_many_users_is_taken_over_whole(watcher, start_node):
    users = [new_id() for _ in range(1_300)]
    node = await start_node()
    await node.join(*users[:1_000])
    await node.join(*users[1_000:])
    await until(lambda: len(watcher.heard) == len(users), "everybody online")
    await node.pause()
    await until(lambda: len(watcher.heard) == 2 * len(users), "everybody offline")
    assert {each.status for each in await watcher.read(*users[:500])} == {"offline"}


async def test_a_node_that_comes_back_from_a_pause_re_adds_its_users(watcher, start_node):
    ann = new_id()
    node = await start_node()
    await node.join(ann)
    await node.pause()
    await watcher.hears(ann, "online", "offline")
    node.resume()
    await watcher.hears(ann, "online", "offline", "online")
    assert node.incarnations == 2


async def test_a_renewal_of_no_lease_is_told_so_and_adds_nobody(watcher, gateway_bus):
    ann = new_id()
    reply = await Node(gateway_bus).hold(online=[ann])
    assert reply.known is False
    assert (await watcher.read(ann))[0].status == "offline"


async def test_a_node_whose_users_were_lost_is_told_so(watcher, start_node, redis_url):
    ann, bob = new_id(), new_id()
    node = await start_node()
    await node.join(ann, bob)
    await node.pause()
    async with kv.create_client(redis_url) as client:
        await client.srem(f"presence:held:{node.node_id}:{node.incarnation}", bob)
        await client.delete(f"presence:places:{bob}")
    assert (await node.hold(count=2)).known is False
    node.resume()
    await watcher.sees(bob, "online")


async def test_the_same_call_again_changes_nothing(watcher, start_node):
    ann = new_id()
    node = await start_node()
    for _ in range(3):
        await node.join(ann)
    await watcher.hears(ann, "online")
    for _ in range(3):
        await node.leave(ann)
    await watcher.hears(ann, "online", "offline")


async def test_two_replicas_announce_each_transition_once(watcher, start_node, nats_url, redis_url):
    async with replica(nats_url("presence"), redis_url):
        users = [new_id() for _ in range(200)]
        node = await start_node()
        for user in users:
            await node.join(user)
        await until(lambda: len(watcher.heard) >= len(users), "everybody online")
        await node.pause()
        await until(lambda: len(watcher.heard) >= 2 * len(users), "everybody offline")
        # Whatever a second replica might still say, it says within two rounds of both tasks.
        bob = new_id()
        other = await start_node()
        await other.join(bob)
        await watcher.hears(bob, "online")
        await other.leave(bob)
        await watcher.hears(bob, "online", "offline")
        assert all(watcher.statuses(user) == ["online", "offline"] for user in users)


async def test_a_replica_that_starts_after_the_node_died_still_takes_it_over(
    nats_url, redis_url, gateway_bus
):
    ann, node = new_id(), Node(gateway_bus)
    async with replica(nats_url("presence"), redis_url):
        await node.hold(full=True)
        await node.join(ann)
    async with replica(nats_url("presence"), redis_url):
        watcher = Watcher(gateway_bus)
        await watcher.sees(ann, "offline")
