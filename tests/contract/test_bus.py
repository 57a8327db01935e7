"""The bus against a real NATS server: what its users may rely on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

import pytest

from shared.bus import Bus, BusRequest, Caller, Endpoint, Subscription, subjects
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.ids import new_id
from tests.tcp_proxy import TcpProxy
from tests.wire import eventually

DEADLINE_S = 30
CALLER = Caller("a-user", "a-login", "member", "192.0.2.7")
PING = "rpc.test.ping"


class Inbox:
    """Collects what a fan-in brings; `wait_for` returns once so many are there."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, bytes]] = []
        self._grew = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def on_message(self, subject: bytes, payload: bytes) -> None:
        self.received.append((subject, payload))
        task = asyncio.ensure_future(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload in self.received]

    async def wait_for(self, count: int) -> list[bytes]:
        async with asyncio.timeout(DEADLINE_S), self._grew:
            await self._grew.wait_for(lambda: len(self.received) >= count)
        return self.payloads

    async def _tell(self) -> None:
        async with self._grew:
            self._grew.notify_all()


@pytest.fixture
async def gateway_bus(nats_url: Callable[[str], str]) -> AsyncIterator[Bus]:
    bus = await Bus.connect([nats_url("gateway")], "gateway")
    yield bus
    await bus.close()


@pytest.fixture
async def messages_bus(nats_url: Callable[[str], str]) -> AsyncIterator[Bus]:
    bus = await Bus.connect([nats_url("messages")], "messages")
    yield bus
    await bus.close()


@pytest.fixture
async def proxy(nats_url: Callable[[str], str]) -> AsyncIterator[TcpProxy]:
    async with TcpProxy(urlsplit(nats_url("gateway")).port or 0) as running:
        yield running


@pytest.fixture
async def cuttable_bus(nats_url: Callable[[str], str], proxy: TcpProxy) -> AsyncIterator[Bus]:
    url = urlsplit(nats_url("gateway"))
    bus = await Bus.connect([f"nats://{url.username}:{url.password}@127.0.0.1:{proxy.port}"], "gateway")
    yield bus
    await bus.close()


async def test_fan_in_brings_subject_and_payload_in_the_order_of_sending(gateway_bus, messages_bus):
    room_id, inbox = new_id(), Inbox()
    gateway_bus.fan_in(subjects.room_events(room_id), inbox.on_message)
    await gateway_bus.flush()
    for number in range(500):
        await messages_bus.publish(subjects.room_event(room_id, "message.created"), b"%d" % number)
    assert await inbox.wait_for(500) == [b"%d" % number for number in range(500)]
    assert inbox.received[0][0].decode() == subjects.room_event(room_id, "message.created")


async def test_fan_in_hears_its_own_room_only(gateway_bus, messages_bus):
    own, other, inbox = new_id(), new_id(), Inbox()
    gateway_bus.fan_in(subjects.room_events(own), inbox.on_message)
    await gateway_bus.flush()
    await messages_bus.publish(subjects.room_event(other, "message.created"), b"other")
    await messages_bus.publish(subjects.room_event(own, "message.created"), b"own")
    assert await inbox.wait_for(1) == [b"own"]


async def test_after_leaving_nothing_arrives(gateway_bus, messages_bus):
    room_id, left, stayed = new_id(), Inbox(), Inbox()
    subscription = gateway_bus.fan_in(subjects.room_events(room_id), left.on_message)
    gateway_bus.fan_in(subjects.room_events(room_id), stayed.on_message)
    gateway_bus.leave(subscription)
    gateway_bus.leave(subscription)
    await gateway_bus.flush()
    await messages_bus.publish(subjects.room_event(room_id, "message.created"), b"x")
    await stayed.wait_for(1)
    assert not left.received


async def test_a_thousand_subscriptions_start_no_task(gateway_bus):
    before = asyncio.all_tasks()
    made = [gateway_bus.fan_in(subjects.room_events(new_id()), Inbox().on_message) for _ in range(1_000)]
    await gateway_bus.flush()
    # As long as the subscriptions live theirs would; what was only passing by is over soon.
    await eventually(lambda: asyncio.all_tasks() <= before)
    assert all(isinstance(each, Subscription) for each in made)
    for each in made:
        gateway_bus.leave(each)


async def test_a_callback_that_fails_does_not_end_the_reading(gateway_bus, messages_bus):
    room_id, inbox = new_id(), Inbox()

    def fail(_subject: bytes, _payload: bytes) -> None:
        raise RuntimeError("broken callback")

    gateway_bus.fan_in(subjects.room_events(room_id), fail)
    gateway_bus.fan_in(subjects.room_events(room_id), inbox.on_message)
    await gateway_bus.flush()
    await messages_bus.publish(subjects.room_event(room_id, "message.created"), b"x")
    assert await inbox.wait_for(1) == [b"x"]


async def test_a_reconnect_replays_the_subscriptions_that_are_left(cuttable_bus, messages_bus, proxy):
    kept_id, left_id, kept, left = new_id(), new_id(), Inbox(), Inbox()
    cuttable_bus.fan_in(subjects.room_events(kept_id), kept.on_message)
    gone = cuttable_bus.fan_in(subjects.room_events(left_id), left.on_message)
    await cuttable_bus.flush()
    trouble, restored = asyncio.Event(), asyncio.Event()
    cuttable_bus.on_trouble(trouble.set)
    cuttable_bus.on_restored(restored.set)
    proxy.refuse()
    async with asyncio.timeout(DEADLINE_S):
        await trouble.wait()
        cuttable_bus.leave(gone)
        late_id, late = new_id(), Inbox()
        cuttable_bus.fan_in(subjects.room_events(late_id), late.on_message)
        proxy.accept()
        await restored.wait()
    await cuttable_bus.flush()
    for room_id in (left_id, kept_id, late_id):
        await messages_bus.publish(subjects.room_event(room_id, "message.created"), b"x")
    assert await late.wait_for(1) == await kept.wait_for(1) == [b"x"]
    assert not left.received


async def test_after_a_reconnect_new_interest_and_signals_work(cuttable_bus, messages_bus, nats_url, proxy):
    restored, room_id, heard, inbox = asyncio.Event(), new_id(), Inbox(), Inbox()
    cuttable_bus.on_restored(restored.set)
    proxy.cut()
    async with asyncio.timeout(DEADLINE_S):
        await restored.wait()
    cuttable_bus.fan_in(subjects.room_events(room_id), inbox.on_message)
    cuttable_bus.fan_in(subjects.room_signals(room_id), heard.on_message)
    cuttable_bus.signal(subjects.room_signal(room_id, "typing"), b"typing")
    assert await heard.wait_for(1) == [b"typing"]
    await messages_bus.publish(subjects.room_event(room_id, "message.created"), b"x")
    assert await inbox.wait_for(1) == [b"x"]


async def test_a_flush_covers_everything_sent_before_it(gateway_bus, messages_bus):
    for _ in range(200):
        room_id, inbox = new_id(), Inbox()
        subscription = gateway_bus.fan_in(subjects.room_events(room_id), inbox.on_message)
        await gateway_bus.flush()
        await messages_bus.publish(subjects.room_event(room_id, "message.created"), b"x")
        assert await inbox.wait_for(1) == [b"x"]
        gateway_bus.leave(subscription)


async def test_while_the_link_is_down_requests_fail_at_once_and_signals_are_dropped(cuttable_bus, proxy):
    trouble = asyncio.Event()
    cuttable_bus.on_trouble(trouble.set)
    proxy.refuse()
    async with asyncio.timeout(DEADLINE_S):
        await trouble.wait()
    with pytest.raises(ChatError) as refused:
        await cuttable_bus.request(PING, b"{}", timeout_s=DEADLINE_S)
    assert refused.value.code is ErrorCode.UNAVAILABLE
    with pytest.raises(ChatError):
        await cuttable_bus.publish(PING, b"{}")
    cuttable_bus.signal(subjects.room_signal(new_id(), "typing"), b"{}")
    assert not cuttable_bus.is_connected


async def test_looking_for_a_link_says_each_error_once(cuttable_bus, proxy, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(
        "shared.bus.bus.log.warning", lambda _event, **told: said.append(told.get("error", ""))
    )
    trouble, restored = asyncio.Event(), asyncio.Event()
    cuttable_bus.on_trouble(trouble.set)
    cuttable_bus.on_restored(restored.set)
    proxy.refuse()
    async with asyncio.timeout(DEADLINE_S):
        await trouble.wait()
        for error in ("one", "other", "one", "other"):
            await cuttable_bus._on_error(OSError(error))
        assert (said.count("one"), said.count("other")) == (1, 1)
        proxy.accept()
        await restored.wait()
    for _ in range(2):  # nobody looks for anything now
        await cuttable_bus._on_error(OSError("one"))
    assert said.count("one") == 3


async def test_a_service_stops_in_order_although_the_link_is_down(nats_url, proxy):
    url = urlsplit(nats_url("messages"))
    bus = await Bus.connect([f"nats://{url.username}:{url.password}@127.0.0.1:{proxy.port}"], "messages")
    await bus.serve("test", [Endpoint(PING, lambda request: request.respond(b"pong"))])
    before = asyncio.all_tasks()
    trouble = asyncio.Event()
    bus.on_trouble(trouble.set)
    proxy.refuse()
    async with asyncio.timeout(DEADLINE_S):
        await trouble.wait()
        await bus.stop_serving()
        await bus.close()
    assert bus.subscription_count == 0
    await eventually(lambda: asyncio.all_tasks() <= before)  # the proxy may still turn one away


async def test_a_request_carries_its_caller_and_brings_the_raw_reply(gateway_bus, messages_bus):
    heard: list[tuple[Caller, str, bytes]] = []

    def answer(request: BusRequest) -> None:
        heard.append((request.caller, request.user_agent, request.payload))
        request.respond(b'{"ok":{}}')

    await messages_bus.serve("messages", [Endpoint(PING, answer)])
    await messages_bus.flush()
    reply = await gateway_bus.request(PING, b"{}", caller=CALLER, agent="curl/8", timeout_s=DEADLINE_S)
    assert (reply, heard) == (b'{"ok":{}}', [(CALLER, "curl/8", b"{}")])
    await messages_bus.stop_serving()
    with pytest.raises(ChatError) as refused:
        await gateway_bus.request(PING, b"{}", timeout_s=DEADLINE_S)
    assert refused.value.code is ErrorCode.UNAVAILABLE


async def test_nobody_serving_is_unavailable_and_says_when_to_come_back(gateway_bus):
    with pytest.raises(ChatError) as refused:
        await gateway_bus.request("rpc.test.nobody", b"{}", timeout_s=DEADLINE_S)
    assert refused.value.code is ErrorCode.UNAVAILABLE
    assert refused.value.body.retry_after_ms


async def test_what_nobody_serves_is_asked_again_a_few_times_and_no_more(gateway_bus):
    before = gateway_bus._client.stats["out_msgs"]
    with pytest.raises(ChatError):
        await gateway_bus.request("rpc.test.nobody", b"{}", timeout_s=DEADLINE_S)
    assert 2 < gateway_bus._client.stats["out_msgs"] - before < 12


async def test_silence_is_a_timeout(gateway_bus, messages_bus):
    await messages_bus.serve("messages", [Endpoint("rpc.test.mute", lambda _request: None)])
    await messages_bus.flush()
    with pytest.raises(ChatError) as refused:
        await gateway_bus.request("rpc.test.mute", b"{}", timeout_s=0.05)
    assert refused.value.code is ErrorCode.TIMEOUT


async def test_two_replicas_share_the_requests(gateway_bus, messages_bus, nats_url):
    other = await Bus.connect([nats_url("messages")], "messages")
    asked: list[str] = []
    for bus in (messages_bus, other):

        def answer(request: BusRequest, name: str = bus.instance) -> None:
            asked.append(name)
            request.respond(b'{"ok":{}}')

        await bus.serve("messages", [Endpoint("rpc.test.shared", answer)])
        await bus.flush()
    for _ in range(60):
        await gateway_bus.request("rpc.test.shared", b"{}", timeout_s=DEADLINE_S)
    await other.close()
    assert len(asked) == 60
    assert len(set(asked)) == 2


async def test_readiness_is_a_message_that_came_back(gateway_bus):
    await gateway_bus.round_trip()
    await gateway_bus.round_trip()


async def test_many_may_look_at_once_whether_a_message_comes_back(gateway_bus):
    await asyncio.gather(*(gateway_bus.round_trip() for _ in range(3)))


async def test_only_the_gateway_may_call_for_a_user(messages_bus, gateway_bus):
    heard = Inbox()
    room_id = new_id()
    gateway_bus.fan_in(subjects.room_events(room_id), heard.on_message)
    await gateway_bus.flush()
    with pytest.raises(ChatError) as refused:
        await messages_bus.request(PING, b"{}", caller=CALLER, timeout_s=0.2)
    assert refused.value.code in {ErrorCode.TIMEOUT, ErrorCode.UNAVAILABLE}
    await gateway_bus.publish(subjects.room_event(room_id, "message.created"), b"forged")
    await messages_bus.publish(subjects.room_event(room_id, "message.created"), b"true")
    assert await heard.wait_for(1) == [b"true"]


async def test_no_server_is_said_in_one_error(monkeypatch):
    monkeypatch.setattr("shared.bus.bus._FIRST_CONNECT_S", 0.5)
    async with TcpProxy(1) as nowhere:
        nowhere.refuse()
        with pytest.raises(ChatError) as refused:
            await Bus.connect([f"nats://127.0.0.1:{nowhere.port}"], "gateway")
    assert refused.value.code is ErrorCode.UNAVAILABLE


async def test_subscribing_does_not_wait(gateway_bus):
    """So that a new endpoint's requests are taken before the server has heard of it."""
    subscribing = gateway_bus._client.subscribe(new_id())
    with pytest.raises(StopIteration):
        subscribing.send(None)
