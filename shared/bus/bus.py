"""The bus as services and gateway use it: requests, endpoints, publishing, fan-in, and news of trouble.

The adapter to NATS. Its users see ChatError instead of nats-py's exceptions.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from importlib import metadata

import nats.errors
import nats.micro
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.micro.service import Service
from prometheus_client import Counter, Gauge

from shared.bus import subjects
from shared.bus.caller import Caller, encode_headers
from shared.bus.fan_in import FanInCallback, FanInClient, Subscription
from shared.bus.moving import Mover
from shared.bus.requests import Requests
from shared.bus.served import BusRequest, Endpoint
from shared.bus.traced import TracedRequests
from shared.contracts.errors import ErrorCode
from shared.credentials import find_credentials
from shared.errors import ChatError, unavailable
from shared.ids import new_id
from shared.telemetry import get_logger
from shared.tracing import Tracer

log = get_logger(__name__)

CONNECTED = Gauge("chatcraft_nats_connected", "Whether the link to NATS is up: 1, or 0")
RECONNECTS = Counter("chatcraft_nats_reconnects_total", "Times the link to NATS came back after it was lost")
DROPS = Counter(
    "chatcraft_nats_drops_total", "Times this process was too slow and NATS messages were dropped"
)

_VERSION = "1.0.0"
# A black-holed link is noticed after interval x outstanding = 6 s; the default is 4 minutes.
_PING_INTERVAL_S = 3
_PINGS_OUTSTANDING = 2
_RECONNECT_WAIT_S = 0.25
_CONNECT_TIMEOUT_S = 5
# nats-py tries for ever, also the first time; a service that cannot start says so instead.
_FIRST_CONNECT_S = 10
_ROUND_TRIP_S = 2.0
# What lies between two replicas, or between two links of the only one; more is an outage, which is told.
_NOBODY_S = 1.0
# Doubled each time: with a steady 0.05 s, 2,000 who waited asked some 28,000 times; so it is half of that.
_NOBODY_PAUSE_S = 0.02
_NOBODY_PAUSE_MAX_S = 0.32


class Bus:
    """One connection to NATS, kept up for ever. Make it with `Bus.connect`."""

    def __init__(self, name: str, tracer: Tracer | None = None) -> None:
        self.name = name
        self.instance = new_id()
        self._client = FanInClient()
        self._client.on_callback_error = _on_callback_error
        self._requests = Requests(self._client) if tracer is None else TracedRequests(self._client, tracer)
        self._mover = Mover(self._client, self._requests)
        self._services: list[Service] = []
        self._on_trouble: list[Callable[[], None]] = []
        self._on_restored: list[Callable[[], None]] = []
        self._echoes: set[asyncio.Future[None]] = set()
        self._is_closing = False
        self._said: set[str] = set()
        """Of errors, since the link was lost: looking for another one meets the same again and again."""

    @classmethod
    async def connect(cls, servers: list[str], name: str, tracer: Tracer | None = None) -> "Bus":
        """Connect; raises ChatError `unavailable` if no server answers."""
        bus = cls(name, tracer)
        user, password = find_credentials(servers)
        try:
            async with asyncio.timeout(_FIRST_CONNECT_S):
                await bus._client.connect(
                    servers,
                    name=name,
                    error_cb=bus._on_error,
                    disconnected_cb=bus._on_disconnected,
                    reconnected_cb=bus._on_reconnected,
                    lame_duck_mode_cb=bus._on_lame_duck,
                    connect_timeout=_CONNECT_TIMEOUT_S,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_RECONNECT_WAIT_S,  # type: ignore[arg-type]  # annotated int, slept on as a float
                    ping_interval=_PING_INTERVAL_S,
                    max_outstanding_pings=_PINGS_OUTSTANDING,
                    flush_timeout=_CONNECT_TIMEOUT_S,
                    pending_size=8 * 1024 * 1024,
                    user=user,
                    password=password,
                )
        except (OSError, TimeoutError, nats.errors.Error) as exc:
            await bus._client.close()
            raise unavailable(f"NATS does not answer: {str(exc) or type(exc).__name__}") from exc
        CONNECTED.set(1)
        bus._requests.open()
        bus._client.fan_in(subjects.health(name, bus.instance), bus._on_echo)
        return bus

    @property
    def is_connected(self) -> bool:
        return bool(self._client.is_connected)

    @property
    def subscription_count(self) -> int:
        """How many subjects this process listens to."""
        return self._client.subscription_count

    @property
    def jetstream(self) -> JetStreamContext:
        return self._client.jetstream()

    def on_trouble(self, callback: Callable[[], None]) -> None:
        """Call back when hints may have been lost: link down, or messages dropped."""
        self._on_trouble.append(callback)

    def on_restored(self, callback: Callable[[], None]) -> None:
        """Call back when the link is up again and all subscriptions are replayed."""
        self._on_restored.append(callback)

    async def request(
        self, subject: str, payload: bytes, *, caller: Caller | None = None, agent: str = "", timeout_s: float
    ) -> bytes:
        """Ask whoever serves `subject` and return its raw reply, `{"ok":…}` or `{"error":…}`.

        Waits while the link moves to another server, and a second for somebody who serves it. Raises
        ChatError `unavailable` (nobody does, link down) or `timeout`: then the command may have taken
        effect or not.
        """
        if self._mover.is_holding:
            timeout_s = await self._wait_moved(timeout_s)
        if not self._client.is_connected:
            raise unavailable("the bus is down")
        headers = encode_headers(caller, agent) if caller else b""
        try:
            try:
                return await self._requests.ask(subject, payload, headers, timeout_s)
            except nats.errors.NoRespondersError:
                return await self._ask_again(subject, payload, headers, timeout_s)
        except nats.errors.NoRespondersError as exc:
            raise unavailable(f"nobody serves {subject} at present") from exc
        except nats.errors.TimeoutError as exc:
            raise ChatError(
                ErrorCode.TIMEOUT, f"no answer within {timeout_s:g} s", retry_after_ms=1_000
            ) from exc
        except nats.errors.Error as exc:
            raise unavailable("the bus went down meanwhile") from exc

    async def _wait_moved(self, timeout_s: float) -> float:
        """Wait for the other link; return how much time is left."""
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        try:
            await self._mover.wait(timeout_s)
        except TimeoutError as exc:
            raise unavailable("the bus is down") from exc
        return timeout_s - (loop.time() - begun_at)

    async def _ask_again(self, subject: str, payload: bytes, headers: bytes, timeout_s: float) -> bytes:
        """Ask what nobody serves until somebody does, for a moment; then raise NoRespondersError.

        Nobody has got what nobody serves, so it cannot take effect twice.
        """
        loop = asyncio.get_running_loop()
        begun_at, spent_s, pause_s = loop.time(), 0.0, _NOBODY_PAUSE_S
        while (left_s := min(_NOBODY_S, timeout_s) - spent_s) > 0:
            # Not all at the same moments; and the last time when the second is over.
            await asyncio.sleep(min(left_s, pause_s * random.uniform(0.5, 1.5)))  # noqa: S311 - jitter, no secret
            pause_s = min(2 * pause_s, _NOBODY_PAUSE_MAX_S)
            spent_s = loop.time() - begun_at
            if not self._client.is_connected or spent_s >= timeout_s:
                break
            try:
                return await self._requests.ask(subject, payload, headers, timeout_s - spent_s)
            except nats.errors.NoRespondersError:
                spent_s = loop.time() - begun_at
        raise nats.errors.NoRespondersError

    async def publish(
        self, subject: str, payload: bytes, headers: dict[str, str] | None = None, *, reply: str = ""
    ) -> None:
        """Publish at most once; answers, as JetStream's acks, go to the subject `reply`.

        Raises ChatError `unavailable` while the link is down.
        """
        if not self._client.is_connected:
            raise unavailable("the bus is down")
        try:
            await self._client.publish(subject, payload, reply, headers)
        except nats.errors.Error as exc:
            raise unavailable("the bus refused the message") from exc

    async def publish_all(self, messages: Iterable[tuple[str, bytes, bytes]], *, reply: str) -> None:
        """Publish (subject, payload, block of headers or nothing) in order; those with headers are acked.

        A quarter of what `publish` costs each. Acks go to `reply`. Waits only while the link is behind.
        Raises ChatError `unavailable` while it is down.
        """
        if not self._client.is_connected:
            raise unavailable("the bus is down")
        for subject, payload, headers in messages:
            self._client.post(subject, reply if headers else "", payload, headers)
        await self._client.catch_up()

    def signal(self, subject: str, payload: bytes) -> None:
        """Publish something that may be lost. Never awaits, never raises for a lost link."""
        self._client.publish_now(subject, payload)

    def fan_in(self, subject: str, callback: FanInCallback) -> Subscription:
        """Subscribe without a task or queue; see `FanInClient.fan_in`."""
        return self._client.fan_in(subject, callback)

    def leave(self, subscription: Subscription) -> None:
        """End a `fan_in` subscription."""
        self._client.leave(subscription)

    async def subscribe(
        self, subject: str, on_message: Callable[[Msg], Awaitable[None]], queue: str = ""
    ) -> None:
        """Subscribe with nats-py's own task and queue: for few, slow things."""
        await self._client.subscribe(subject, queue=queue, cb=on_message)

    async def serve(self, service: str, endpoints: list[Endpoint]) -> None:
        """Answer `endpoints` as a NATS micro service in the queue group `service`.

        When this returns, the server routes requests here. Raises ChatError if it does not answer.
        """
        micro = await nats.micro.add_service(
            self._client,
            name=service,
            version=_VERSION,
            queue_group=service,
            metadata={"instance": self.instance, "version": metadata.version("chatcraft")},
        )
        self._services.append(micro)
        for endpoint in endpoints:
            await micro.add_endpoint(
                name=endpoint.subject.replace(".", "_"), subject=endpoint.subject, handler=_never_called
            )
            self._client.take_requests(micro, partial(self._on_request, endpoint.on_request))
        await self.flush()

    async def round_trip(self) -> None:
        """Publish a message to oneself and receive it. Raises ChatError if it does not come back."""
        echo: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._echoes.add(echo)
        try:
            await self.publish(subjects.health(self.name, self.instance), b"")
            await asyncio.wait_for(echo, _ROUND_TRIP_S)
        except TimeoutError as exc:
            raise unavailable(f"NATS brought nothing back within {_ROUND_TRIP_S:g} s") from exc
        finally:
            self._echoes.discard(echo)

    async def flush(self) -> None:
        """Wait until the server has processed all that was sent so far."""
        try:
            await self._client.flush(_CONNECT_TIMEOUT_S)
        except nats.errors.Error as exc:
            raise unavailable("the bus did not flush") from exc

    async def stop_serving(self) -> None:
        """Leave the queue groups: other replicas get the requests from here on."""
        for service in self._services:
            await service.stop()
        self._services.clear()

    async def close(self) -> None:
        """Send what is queued and close."""
        self._is_closing = True
        await self._mover.stop()
        await self._client.close()

    def _on_request(
        self, on_request: Callable[[BusRequest], None], reply: bytes, payload: bytes, headers: bytes
    ) -> None:
        on_request(BusRequest(self._client, reply, payload, headers))

    def _on_echo(self, _subject: bytes, _payload: bytes) -> None:
        for echo in self._echoes:  # several may look at once
            if not echo.done():
                echo.set_result(None)

    async def _on_error(self, exc: Exception) -> None:
        error = str(exc) or type(exc).__name__
        if self._client.is_connected:
            log.warning("bus_error", error=error)
        elif error not in self._said:
            self._said.add(error)
            log.warning("bus_error", error=error)
        if isinstance(exc, nats.errors.SlowConsumerError):
            DROPS.inc()
            self._tell(self._on_trouble)

    async def _on_disconnected(self) -> None:
        if self._is_closing:
            return
        CONNECTED.set(0)
        log.warning("bus_disconnected")
        self._requests.fail_all()
        self._tell(self._on_trouble)

    async def _on_reconnected(self) -> None:
        CONNECTED.set(1)
        RECONNECTS.inc()
        self._said.clear()
        log.info("bus_reconnected")
        self._mover.on_restored()
        self._tell(self._on_restored)

    async def _on_lame_duck(self) -> None:
        # Called in the middle of reading: what it takes is done beside that.
        self._mover.begin()

    @staticmethod
    def _tell(callbacks: list[Callable[[], None]]) -> None:
        for callback in callbacks:
            callback()


def _on_callback_error(subject: bytes, exc: Exception) -> None:
    log.error("fan_in_callback_failed", subject=subject.decode(errors="replace"), exc_info=exc)


async def _never_called(_request: object) -> None:
    """What NATS micro is given for a handler: requests are taken before they come to it."""
