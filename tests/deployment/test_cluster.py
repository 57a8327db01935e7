"""A cluster on this machine: clients know HAProxy alone, and processes behind it stop and die."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest

from deploy.cluster.cluster import Cluster
from deploy.local.data_dir import DataDir
from tests.deployment.clients import Listener, Newcomers, going_on
from tests.e2e.conftest import http
from tests.e2e.test_stream import streaming
from tests.faults.talking import Talker, created, list_all, talking
from tests.stack import ARTIFACTS, DEFAULT_ENV
from tests.wire import PASSWORD, People, Person, eventually, new_id, read

__all__ = ["http"]

pytestmark = pytest.mark.timeout(300)
WITHIN_S = 60.0
LISTENERS = 6
# As an address of loopback it is as good as any, and not that of the proxy.
CLIENT = "127.0.0.9"
CLAIMS = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    logs = ARTIFACTS / "cluster"
    logs.mkdir(parents=True, exist_ok=True)
    with DataDir.open(tmp_path_factory.mktemp("cluster") / "data") as data_dir:
        async with Cluster(data_dir, env=DEFAULT_ENV, log=lambda name: logs / f"{name}.log") as running:
            yield running


@pytest.fixture(autouse=True)
async def mended(cluster: Cluster) -> AsyncIterator[None]:
    """Whatever a failing test left broken is whole again for the next."""
    yield
    for name, child in cluster.children.items():
        if not child.is_running:
            await cluster.restart(name)


@pytest.fixture
async def anna(cluster: Cluster, http: httpx2.AsyncClient) -> Person:
    return await People([cluster.url], http).register("anna")


@pytest.fixture
async def bert(cluster: Cluster, http: httpx2.AsyncClient) -> Person:
    return await People([cluster.url], http).register("bert")


@dataclass
class Crowd:
    """Who talks, who listens and who comes anew while something happens."""

    talker: Talker
    listeners: list[Listener]
    newcomers: Newcomers

    @property
    def complaints(self) -> list[str]:
        everybody = [*self.listeners, self.newcomers]
        return [complaint for each in everybody for complaint in each.complaints]

    @property
    def close_codes(self) -> list[int]:
        """With which the listeners' sockets have been closed so far."""
        return [code for each in self.listeners for code in each.close_codes]

    async def goes_on(self) -> None:
        """Wait until more has been sent, and more have come."""
        sent, came = len(self.talker.acked), self.newcomers.answers
        await eventually(
            lambda: len(self.talker.acked) > sent + 10 and self.newcomers.answers > came + 10, WITHIN_S
        )

    async def is_whole(self) -> None:
        """Check that everybody heard everything, each message once, in the room's order."""
        stored = await list_all(self.talker.person, self.talker.room_id)
        assert set(self.talker.acked) <= set(stored)
        for each in self.listeners:
            await eventually(lambda each=each: len(each.heard) >= len(stored), WITHIN_S)
            assert each.heard == stored


@asynccontextmanager
async def crowding(anna: Person, bert: Person) -> AsyncIterator[Crowd]:
    """Let them talk, listen and come; on leaving, all that was sent was acked and heard."""
    room_id = await anna.create_room(members=(bert,))
    crowd = Crowd(Talker(anna, room_id), [Listener(bert, room_id) for _ in range(LISTENERS)], Newcomers(anna))
    async with going_on(*(each.listen() for each in crowd.listeners)):
        await eventually(lambda: all(each.is_synced for each in crowd.listeners), WITHIN_S)
        coming = going_on(crowd.newcomers.open_sockets(), crowd.newcomers.ask())
        async with talking(anna, room_id, crowd.talker), coming:
            await crowd.goes_on()
            yield crowd
        await crowd.is_whole()


async def count_connections(cluster: Cluster, http: httpx2.AsyncClient, gateway: str) -> int:
    text = (await http.get(f"{cluster.health_url(gateway)}/metrics")).text
    [line] = [each for each in text.splitlines() if each.startswith("chatcraft_gateway_connections ")]
    return int(float(line.split()[1]))


async def test_sockets_are_spread_and_what_one_sends_all_hear(
    cluster: Cluster, anna: Person, bert: Person, http: httpx2.AsyncClient
) -> None:
    room_id = await anna.create_room(members=(bert,))
    gateways = cluster.topology.list_names("gateway")
    async with AsyncExitStack() as opened:
        sockets = [await opened.enter_async_context(bert.socket()) for _ in range(6)]
        held = [await count_connections(cluster, http, each) for each in gateways]
        assert sum(held) == 6
        assert min(held) >= 1
        own = [await opened.enter_async_context(bert.socket(url)) for url in cluster.gateway_urls]
        sent = [
            (await own[0].call("messages.send", {"room_id": room_id, "id": new_id(), "text": "from one"})),
            (await sockets[0].call("messages.send", {"room_id": room_id, "id": new_id(), "text": "by any"})),
        ]
        ids = [each["message"]["id"] for each in sent]
        for socket in (*own, *sockets):
            await eventually(lambda socket=socket: created(socket, room_id) == ids)


async def test_a_stream_goes_through_the_proxy_as_it_comes(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with streaming(bert) as stream:
        assert (await stream.next())["ev"] == "ready"
        await stream.next()
        message = await anna.send(room_id, "over the stream")
        event = await stream.until(lambda frame: frame.get("ev") == "message.created")
        assert event["d"] == message


@pytest.mark.parametrize("door", ["proxy", "gateway"])
async def test_logins_show_where_clients_really_are(cluster: Cluster, door: str) -> None:
    """What they claim counts neither at HAProxy, which is believed, nor past it."""
    url = cluster.url if door == "proxy" else cluster.gateway_urls[0]
    transport = httpx2.AsyncHTTPTransport(local_address=CLIENT)
    async with httpx2.AsyncClient(transport=transport, timeout=30) as http:
        body = {"username": f"user-{new_id()[:8]}", "password": PASSWORD}
        registered = await http.post(f"{url}/api/v1/auth/register", json=body, headers=CLAIMS)
        person = Person(url, read(registered)["user"], read(registered)["tokens"], http)
        [login] = (await person.rest("GET", "/auth/logins", headers=CLAIMS))["logins"]
    assert login["address"] == CLIENT


async def test_a_gateway_that_is_restarted_turns_nobody_away(
    cluster: Cluster, anna: Person, bert: Person
) -> None:
    async with crowding(anna, bert) as crowd:
        await cluster.restart("gateway-1")
        await crowd.goes_on()
        await eventually(lambda: crowd.close_codes)
        codes = crowd.close_codes
    assert set(codes) == {1012}
    assert not crowd.complaints
    assert not crowd.talker.refusals


async def test_the_death_of_a_gateway_turns_nobody_away(cluster: Cluster, anna: Person, bert: Person) -> None:
    async with crowding(anna, bert) as crowd:
        await cluster.kill("gateway-2")
        await crowd.goes_on()
        await eventually(lambda: crowd.close_codes)
        codes = crowd.close_codes
        await cluster.restart("gateway-2")
        await crowd.goes_on()
    assert set(codes) == {1006}
    assert not crowd.complaints


async def test_without_one_of_each_service_and_of_the_bus_sends_go_on(
    cluster: Cluster, anna: Person, bert: Person
) -> None:
    names = ["auth-1", "messages-1", "presence-1", "nats-1"]  # one after the other, and none comes back
    async with crowding(anna, bert) as crowd:
        for name in names:
            await cluster.kill(name)
            await crowd.goes_on()
        await asyncio.gather(*map(cluster.restart, names))
        await crowd.goes_on()


async def test_without_any_gateway_the_proxy_answers_as_they_would(
    cluster: Cluster, anna: Person, http: httpx2.AsyncClient
) -> None:
    gateways = cluster.topology.list_names("gateway")
    await asyncio.gather(*map(cluster.kill, gateways))
    answer = await http.get(f"{cluster.url}/api/v1/users/me")
    assert answer.status_code == 503
    assert set(answer.json()["error"]) == {"code", "message", "retry_after_ms", "details"}
    assert answer.json()["error"]["code"] == "unavailable"
    assert answer.headers["retry-after"] == "1"
    await asyncio.gather(*map(cluster.restart, gateways))
    assert (await anna.rest("GET", "/users/me"))["id"] == anna.id
