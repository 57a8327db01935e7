"""The bounds of a gateway, reached: descriptors, silence, unread data, ended access, a second signal.

Its stack has short times, which are settings like any other.
"""

import asyncio
import signal
import socket as sockets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
import msgspec
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from deploy.local.data_dir import DataDir
from services.auth.keys import Sealer
from services.auth.settings import AuthSettings
from services.auth.store import endings
from services.auth.store.keys import SealedKey
from shared.bus import subjects
from shared.tokens import Claims, sign
from tests.faults.observing import on_bus, read_gateway, read_metrics
from tests.stack import Stack
from tests.tcp_proxy import TcpProxy
from tests.wire import AT_ONCE_S, WAIT_S, People, Person, Refused, Socket, eventually, new_id

SILENCE_S = 12  # longer than a busy machine is silent, and than the slow reader of these tests
UNREAD_S = 2.0
ENV = {
    "CHATCRAFT_GATEWAY_PING_S": "1",
    "CHATCRAFT_GATEWAY_SILENCE_S": str(SILENCE_S),
    "CHATCRAFT_GATEWAY_UNREAD_S": str(UNREAD_S),
    "CHATCRAFT_GATEWAY_DRAIN_S": "60",
}
DESCRIPTORS = 180
CONNECTIONS_LEFT = DESCRIPTORS - 128


@pytest.fixture(scope="module")
async def broken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """As in conftest, with short times."""
    with DataDir.open(tmp_path_factory.mktemp("limits") / "data") as data_dir:
        async with Stack("test_limits", data_dir, counts={"messages": 1}, env=ENV) as running:
            yield running


async def test_a_half_open_connection_is_gone_and_its_user_offline(
    broken: Stack, anna: Person, bert: Person
) -> None:
    async with TcpProxy(urlsplit(broken.gateway_urls[1]).port or 0) as proxy, anna.socket() as watcher:
        async with bert.socket(f"http://127.0.0.1:{proxy.port}"):
            await watcher.call("presence.watch", {"user_ids": [bert.id]})
            assert await read_gateway(broken, 1, "connections") == 1
            proxy.stall()
            # Within 30 s; without the setting it would take 45.
            await watcher.wait_for_event("presence.changed", user_id=bert.id, status="offline")
            await eventually(lambda: has_connections(broken, 0))
            proxy.flow()
        assert watcher.close_code is None


async def has_connections(broken: Stack, count: int) -> bool:
    return await read_gateway(broken, 1, "connections") == count


async def test_a_reader_that_does_not_drain_is_closed_with_4002(
    broken: Stack, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    url = urlsplit(broken.gateway_urls[1])
    narrow = sockets.socket()
    narrow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 32_768)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, (url.hostname, url.port))
    lags = await read_gateway(broken, 1, "lags_total")
    async with Socket.open(broken.gateway_urls[1], bert.token, sock=narrow) as stuck, bert.socket() as awake:
        await stuck.call("sync", {"rooms": {}})
        stuck.websocket.transport.pause_reading()
        sent = [await anna.send(room_id, "x" * 15_000) for _ in range(60)]
        await awake.wait_for_event("message.created", id=sent[-1]["id"])

        async def has_lagged() -> bool:
            return await read_gateway(broken, 1, "lags_total") > lags

        await eventually(has_lagged)
        # The fault itself: for so long it reads nothing. The close waits for it 13 s longer.
        await asyncio.sleep(UNREAD_S + 6)
        stuck.websocket.transport.resume_reading()
        assert await stuck.wait_closed() == 4002
        assert awake.close_code is None


async def test_a_stream_that_does_not_drain_is_dropped(broken: Stack, anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    url = urlsplit(broken.gateway_urls[1])
    loop = asyncio.get_running_loop()
    request = (
        f"GET /api/v1/stream HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {bert.token}\r\n\r\n"
    )

    with sockets.socket() as narrow:
        narrow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 32_768)
        narrow.setblocking(False)
        await loop.sock_connect(narrow, (url.hostname, url.port))
        lags = await read_gateway(broken, 1, "lags_total")
        await loop.sock_sendall(narrow, request.encode())
        await read_until(narrow, b'"ref":1')
        for _ in range(60):
            await anna.send(room_id, "x" * 15_000)

        async def has_lagged() -> bool:
            return await read_gateway(broken, 1, "lags_total") > lags

        await eventually(has_lagged)
        await eventually(lambda: has_connections(broken, 0), timeout_s=60)


async def read_until(narrow: sockets.socket, wanted: bytes) -> None:
    received = b""
    async with asyncio.timeout(30):
        while wanted not in received:
            received += await asyncio.get_running_loop().sock_recv(narrow, 4096)


@pytest.fixture
async def poor_gateway(broken: Stack) -> AsyncIterator[None]:
    """The second gateway has few descriptors."""
    child = broken.find("gateway", 1)
    plain = child.program
    limit = ("sh", "-c", f'ulimit -n {DESCRIPTORS} && exec "$@"', "sh")
    child.program = replace(plain, argv=(*limit, *plain.argv))
    await broken.restart("gateway", 1)
    yield
    child.program = plain
    await broken.restart("gateway", 1)


async def test_without_descriptors_newcomers_get_503_and_the_node_recovers(
    broken: Stack, folk: People, poor_gateway: None
) -> None:
    people = [await folk.register("crowd", node=0) for _ in range(4)]
    url = broken.gateway_urls[1]
    async with AsyncExitStack() as opened, httpx2.AsyncClient(timeout=30) as http:
        for index in range(CONNECTIONS_LEFT):
            await opened.enter_async_context(Socket.open(url, people[index % 4].token))
        with pytest.raises(InvalidStatus) as caught:
            await opened.enter_async_context(Socket.open(url, people[0].token))
        assert caught.value.response.status_code == 503
        assert int(caught.value.response.headers["Retry-After"]) > 0
        for path in ("/livez", "/readyz", "/metrics"):
            assert (await http.get(broken.health_url("gateway", 1) + path)).status_code == 200
        # Sockets that never say anything take the last descriptors: the node outlives that, too.
        dumb = [await open_dumb(url) for _ in range(DESCRIPTORS)]
    for each in dumb:
        each.close()

    async def is_back() -> bool:
        async with httpx2.AsyncClient(timeout=10) as fresh, people[0].socket(url):
            return (await fresh.get(broken.health_url("gateway", 1) + "/livez")).status_code == 200

    await eventually(lambda: without_errors(is_back))


async def open_dumb(url: str) -> sockets.socket:
    """Return a TCP connection that the kernel has taken, whether or not the node gets to it."""
    made = sockets.socket()
    made.setblocking(False)
    address = urlsplit(url)
    await asyncio.get_running_loop().sock_connect(made, (address.hostname, address.port))
    return made


async def without_errors(attempt: Any) -> bool:
    try:
        return bool(await attempt())
    except (OSError, TimeoutError, Refused, WebSocketException, httpx2.TransportError):
        return False


async def mint(broken: Stack, person: Person, lifetime_s: int) -> str:
    """Return a true access token of a person's that ends soon."""
    secret = broken.find("auth").program.env["CHATCRAFT_SECRET_KEY"]
    sealer = Sealer(AuthSettings.model_construct(secret_key=SecretStr(secret)).secret)
    database = await asyncpg.connect(broken.endpoints.database_url)
    try:
        row = await database.fetchrow(
            "SELECT id, sealed, valid_from, valid_until FROM auth.keys ORDER BY valid_from LIMIT 1"
        )
    finally:
        await database.close()
    user, now_s = person.user, time.time()
    claims = Claims(
        user["id"], new_id(), "member", user["username"], user["display_name"], now_s, int(now_s) + lifetime_s
    )
    return sign(claims, sealer.open(SealedKey(*row)), str(row["id"]))


async def test_a_token_that_expires_closes_its_socket_with_4003(broken: Stack, anna: Person) -> None:
    token = await mint(broken, anna, 10)  # long enough to connect with it
    async with Socket.open(broken.gateway_urls[0], token) as short, anna.socket() as long:
        assert await short.wait_closed() == 4003
        assert long.close_code is None


async def end(broken: Stack, user_id: str, ending: Any, *arguments: Any) -> None:
    """Do to a user in auth's own database what an administrator would, and tell the nodes."""
    revocation = await end_silently(broken, user_id, ending, *arguments)
    async with on_bus(broken, "auth") as client:
        await client.publish(subjects.REVOKED, revocation)


async def end_silently(broken: Stack, user_id: str, ending: Any, *arguments: Any) -> bytes:
    """Do it in the database alone; returns what the nodes are to be told."""
    url = broken.endpoints.database_url.replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url)
    connection: AsyncConnection
    async with engine.begin() as connection:
        revocation = await ending(connection, user_id, *arguments)
    await engine.dispose()
    return msgspec.json.encode(revocation)


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ((endings.change_role, "admin"), 4003),
        ((endings.deactivate,), 4503),
        ((endings.change_password, "x"), 4500),
    ],
)
async def test_what_ends_access_closes_the_sockets_on_every_node_at_once(
    broken: Stack, anna: Person, bert: Person, ending: tuple[Any, ...], code: int
) -> None:
    async with bert.socket() as here, bert.socket(broken.gateway_urls[0]) as there, anna.socket() as other:
        await end(broken, bert.id, *ending)
        async with asyncio.timeout(AT_ONCE_S):
            assert [await socket.wait_closed() for socket in (here, there)] == [code, code]
        assert other.close_code is None
    for url in broken.gateway_urls:
        with pytest.raises(Refused) as caught:
            await replace(bert, url=url).rest("GET", "/users/me")
        assert caught.value.status == 401


async def test_a_login_that_ends_during_its_handshake_is_closed_as_it_opens(
    broken: Stack, bert: Person
) -> None:
    asked = asyncio.Event()

    async def on_asked(message: Any) -> None:
        if bert.id.encode() in message.data:
            asked.set()

    async with on_bus(broken, "auth") as client:
        await client.subscribe("svc.auth.profiles", cb=on_asked)
        await client.flush()
        await broken.kill("auth", number=signal.SIGSTOP)
        try:
            revocation = await end_silently(broken, bert.id, endings.deactivate)
            opening = asyncio.create_task(open_and_wait(bert))
            await asyncio.wait_for(asked.wait(), WAIT_S)
            # Its token is taken, its profile asked for, 2 s long: it is no connection yet.
            await client.publish(subjects.REVOKED, revocation)
            await client.flush()
        finally:
            await broken.kill("auth", number=signal.SIGCONT)
        assert await opening == 4503


async def open_and_wait(person: Person) -> int | None:
    """Return the code with which a socket is closed before anything comes."""
    headers = {"Authorization": f"Bearer {person.token}"}
    async with connect(person.url.replace("http", "ws", 1) + "/ws", additional_headers=headers) as websocket:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(websocket.recv(), WAIT_S)
        return websocket.close_code


async def test_a_demoted_moderator_moderates_no_more_on_any_node(
    broken: Stack, folk: People, anna: Person, bert: Person
) -> None:
    carl = await folk.register("carl", node=1)
    room_id = await anna.create_room(members=(bert, carl))
    await anna.rest("PATCH", f"/rooms/{room_id}/members/{bert.id}", {"role": "moderator"})
    message = await carl.send(room_id, "to be deleted")
    async with bert.socket() as moderator, carl.socket(broken.gateway_urls[0]) as removed:
        await moderator.call("messages.delete", {"room_id": room_id, "message_id": message["id"]})
        await anna.rest("PATCH", f"/rooms/{room_id}/members/{bert.id}", {"role": "member"})
        with pytest.raises(Refused) as caught:
            await moderator.call("members.remove", {"room_id": room_id, "user_id": carl.id})
        assert caught.value.code == "forbidden"
        await anna.rest("PATCH", f"/rooms/{room_id}/members/{bert.id}", {"role": "moderator"})
        async with asyncio.timeout(AT_ONCE_S):
            await moderator.call("members.remove", {"room_id": room_id, "user_id": carl.id})
            await removed.wait_for_event("member.left", user_id=carl.id)
            await removed.wait_for_event("room.removed", room_id=room_id)


async def test_a_second_signal_stops_a_drain_at_once(broken: Stack, bert: Person) -> None:
    child = broken.find("gateway", 1)
    async with AsyncExitStack() as opened:
        drained = [await opened.enter_async_context(bert.socket()) for _ in range(10)]
        child.send_signal(signal.SIGTERM)
        await drained[0].wait_for_event("draining")
        child.send_signal(signal.SIGTERM)
        # The drain alone would take a minute.
        assert await asyncio.wait_for(child.wait(), WAIT_S) == 0
    await broken.restart("gateway", 1)
    assert "chatcraft_gateway_connections" in await read_metrics(broken, "gateway", 1)
