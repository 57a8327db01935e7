"""Redis lost, stalled or restarted, the bus gone: nobody is said to be offline who is not."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.local.child import Child
from deploy.local.data_dir import DataDir
from deploy.local.servers import EmbeddedServers, ExternalUrls, start_and_wait
from shared import kv
from shared.bus import Bus
from shared.ids import new_id
from tests.integration.presence.setting import TIMING, Node, Watcher, replica, until


@pytest.fixture
async def own_servers(tmp_path) -> AsyncIterator[EmbeddedServers]:
    """A Valkey and a NATS that may be killed."""
    no_database = ExternalUrls(database="postgresql://nobody@127.0.0.1:1/none")
    with DataDir.open(tmp_path / "servers") as data_dir:
        async with EmbeddedServers(data_dir, no_database) as running:
            yield running


@asynccontextmanager
async def connected(servers: EmbeddedServers) -> AsyncIterator[tuple[Watcher, Node]]:
    """One replica, a watcher and a node on these servers."""
    urls = servers.endpoints
    bus = await Bus.connect([urls.nats_url_by_user["gateway"]], "gateway")
    async with replica(urls.nats_url_by_user["presence"], urls.redis_url):
        node = await Node(bus).start()
        yield Watcher(bus), node
        await node.pause()
    await bus.close()


async def kill(servers: EmbeddedServers, name: str) -> Child:
    [child] = [child for child in servers.children if child.name == name]
    child.send_signal(signal.SIGKILL)
    await child.wait()
    return child


async def outlast_a_lease() -> None:
    """Long enough for a sweeper that would say something wrong to say it."""
    await asyncio.sleep(2 * TIMING.lease_s)


async def test_flushed_redis_is_rebuilt_and_nobody_is_called_offline(watcher, start_node, redis_url):
    users = [new_id() for _ in range(50)]
    node = await start_node()
    await node.join(*users)
    await watcher.hears(users[0], "online")
    async with kv.create_client(redis_url) as client:
        await client.flushall()
    for user in users:
        await watcher.sees(user, "online")
    await outlast_a_lease()
    # What was told is lost with the rest: that they are online is said once more.
    assert all(watcher.statuses(user) == ["online", "online"] for user in users)
    await node.leave(users[0])
    await watcher.sees(users[0], "offline")
    await watcher.hears_last(users[0], "offline")


async def test_redis_that_stalls_longer_than_a_lease_takes_nobody_offline(watcher, start_node, redis_url):
    ann = new_id()
    node = await start_node()
    await node.join(ann)
    await watcher.hears(ann, "online")
    async with kv.create_client(redis_url) as client:
        await client.execute_command("CLIENT", "PAUSE", round(1.5 * TIMING.lease_s * 1000))
    await outlast_a_lease()
    await watcher.sees(ann, "online")
    assert watcher.statuses(ann) == ["online"]


async def test_redis_back_from_an_old_snapshot_takes_nobody_offline(own_servers):
    ann, bob = new_id(), new_id()
    async with connected(own_servers) as (watcher, node):
        await node.join(ann)
        await watcher.hears(ann, "online")
        async with kv.create_client(own_servers.endpoints.redis_url) as client:
            await client.save()
        await node.join(bob)
        await watcher.hears(bob, "online")
        await asyncio.sleep(TIMING.lease_s)  # the leases in the snapshot have run out by then

        await start_and_wait(await kill(own_servers, "valkey"))

        await watcher.sees(bob, "online")
        await outlast_a_lease()
        await watcher.sees(ann, "online")
        assert "offline" not in watcher.statuses(ann) + watcher.statuses(bob)


async def test_nats_that_is_away_longer_than_a_lease_takes_nobody_offline(own_servers):
    ann = new_id()
    async with connected(own_servers) as (watcher, node):
        await node.join(ann)
        await watcher.hears(ann, "online")
        nats = await kill(own_servers, "nats")
        await asyncio.sleep(1.5 * TIMING.lease_s)
        await start_and_wait(nats)
        await until(lambda: watcher.bus.is_connected, "NATS back")
        await outlast_a_lease()
        assert (await watcher.read(ann))[0].status == "online"
        assert watcher.statuses(ann) == ["online"]


async def test_a_service_that_was_away_takes_nobody_offline(nats_url, redis_url, gateway_bus):
    ann = new_id()
    watcher = Watcher(gateway_bus)
    async with replica(nats_url("presence"), redis_url):
        node = await Node(gateway_bus).start()
        await node.join(ann)
        await watcher.hears(ann, "online")
    await asyncio.sleep(1.5 * TIMING.lease_s)
    async with replica(nats_url("presence"), redis_url):
        await outlast_a_lease()
        await watcher.sees(ann, "online")
        assert watcher.statuses(ann) == ["online"]
        await node.pause()


async def test_a_burst_of_commands_waits_for_redis_instead_of_failing(
    nats_url, redis_url, gateway_bus, monkeypatch
):
    monkeypatch.setattr(kv, "_TIMEOUT_S", 20)  # a busy machine's: who waits is given up after so long
    users = [new_id() for _ in range(500)]
    async with replica(nats_url("presence"), redis_url):
        watcher = Watcher(gateway_bus)
        answers = await asyncio.gather(*(watcher.set(user, "away") for user in users))
    assert [answer.user_id for answer in answers] == users
