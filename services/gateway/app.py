"""The composition root of the gateway: the only file that knows which part is plugged in where."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.gateway.api_tokens import ApiTokens
from services.gateway.attention import focus
from services.gateway.audit import Audit
from services.gateway.connection import Connection
from services.gateway.deliveries import Deliveries
from services.gateway.drain import drain
from services.gateway.exports import EXPORT_PATH, ExportDoor
from services.gateway.hub import Hub
from services.gateway.identity import Identity
from services.gateway.limits import CommandRate, Rates
from services.gateway.node import GatewayNode
from services.gateway.presence import Lease, Watches
from services.gateway.renewal import Renewal
from services.gateway.rest import PREFIX, RestDoor, refuse_method
from services.gateway.revocations import Revocations
from services.gateway.router import Router
from services.gateway.settings import GatewaySettings
from services.gateway.stats import Stats, expose, measure_loop_lag
from services.gateway.store_client import StoreClient
from services.gateway.stream import StreamDoor
from services.gateway.sync import Syncer
from services.gateway.tracing import TracedRestDoor, TracedRouter
from services.gateway.typing_signals import TypingSignals
from services.gateway.user_events import UserEvents
from services.gateway.users import Users
from services.gateway.web import SecurityHeaders, add_web_routes
from services.gateway.websocket import SOCKET_PATH, SocketDoor
from shared import calls
from shared.background import Background
from shared.bus import Bus
from shared.clock import Clock, SystemClock
from shared.contracts import auth, internal, presence, rooms, sync
from shared.contracts.entities import Empty
from shared.contracts.limits import Limits
from shared.errors import ChatError, forbidden
from shared.lifecycle import Checks
from shared.outages import Outage
from shared.telemetry import configure_logging, get_logger
from shared.tracing import Tracer, open_tracer

log = get_logger(__name__)

_WAIT_S = 0.2
# From one address, on this node. The burst is for true tokens, which count until they are known to be.
_UNKNOWN_TOKENS_PER_S = 1.0
_UNKNOWN_TOKENS_BURST = 100.0


@dataclass(slots=True)
class Gateway:
    """All parts of a node."""

    settings: GatewaySettings
    limits: Limits
    clock: Clock
    bus: Bus
    background: Background
    stats: Stats
    rates: Rates
    revocations: Revocations
    tokens: ApiTokens
    identity: Identity
    hub: Hub
    users: Users
    syncer: Syncer
    audit: Audit
    lease: Lease
    watches: Watches
    router: Router
    node: GatewayNode
    tracer: Tracer | None

    @property
    def checks(self) -> Checks:
        """What readiness asks."""
        return {"nats": self.bus.round_trip, "store": self._ask_store}

    async def drain(self) -> None:
        """Send everybody elsewhere; returns when the node is empty and idle."""
        await drain(self.node, self.router, self.lease, self.settings.gateway_drain_s)

    async def _ask_store(self) -> None:
        asked = internal.GetPositions()
        await calls.call(self.bus, internal.POSITIONS, asked, internal.Positions, timeout_s=2)


async def start(settings: GatewaySettings, app: "GatewayApp", stack: AsyncExitStack) -> Gateway:
    """Build all parts, connect them, and load what must be known before the first request.

    Waits for the auth service; raises ChatError if NATS is away.
    """
    tracer = open_tracer(settings, "gateway", stack)
    bus = await Bus.connect(settings.nats_servers, "gateway", tracer)
    stack.push_async_callback(bus.close)
    background = await stack.enter_async_context(Background(Outage(bus.round_trip)))
    gateway = _build(settings, bus, background, tracer)
    _answer_own_commands(gateway)
    _follow_trouble(gateway)
    await _wait_for(gateway.identity.load_keys)
    await _wait_for(gateway.revocations.start)
    await Deliveries(bus, gateway.hub, gateway.stats, gateway.clock).start()
    await bus.serve("gateway", [])  # no command: so that it is found beside the services
    gateway.audit.start()
    gateway.lease.start()
    gateway.watches.start()
    background.run("follow_keys", gateway.identity.follow_keys)
    background.run("sweep", gateway.node.sweep.run)
    background.run(
        "renew_tokens", lambda: gateway.tokens.renew_forever(lambda: gateway.node.sweep.connections)
    )
    background.run("loop_lag", measure_loop_lag)
    stack.callback(_expose(gateway))
    _add_doors(gateway, app)
    stack.callback(gateway.hub.close)
    return gateway


def _build(settings: GatewaySettings, bus: Bus, background: Background, tracer: Tracer | None) -> Gateway:
    clock, stats = SystemClock(), Stats()
    limits = Limits(ping_interval_s=settings.gateway_ping_s, silence_s=settings.gateway_silence_s)
    store = StoreClient(bus)
    rates = _build_rates(limits, settings)
    revocations = Revocations(bus, background, clock)
    tokens = ApiTokens(bus, revocations, clock, CommandRate(_UNKNOWN_TOKENS_PER_S, _UNKNOWN_TOKENS_BURST))
    identity = Identity(bus, revocations, clock, tokens)
    hub = Hub(bus, background, stats, store.get_changes, crowd_size=settings.gateway_crowd_size)
    users = Users(bus, background)
    syncer = Syncer(store, hub, users)
    events = UserEvents(bus, hub, users, syncer)
    audit = Audit(bus, background, hub, users, stats)
    lease, watches = Lease(bus, background, bus.instance), Watches(bus, background)
    router = _build_router(settings, tracer, bus, rates, limits, clock.monotonic_s)
    node = GatewayNode(
        bus, clock, settings, limits,
        hub=hub, users=users, router=router, rates=rates, lease=lease, watches=watches, stats=stats,
    )  # fmt: skip
    users.apply, users.heal = events.apply, events.heal
    hub.on_left, hub.on_reset, hub.on_first_attach = events.on_left, events.on_reset, audit.on_first_attach
    audit.on_stale = Renewal(users, background).renew
    revocations.on_revoked, lease.on_fewer_places = node.on_revoked, node.on_fewer_places
    node.find_revocation = revocations.find
    return Gateway(
        settings, limits, clock, bus, background, stats, rates, revocations, tokens, identity, hub, users,
        syncer, audit, lease, watches, router, node, tracer,
    )  # fmt: skip


def _build_router(settings: GatewaySettings, tracer: Tracer | None, *parts: Any) -> Router:
    if tracer is None:
        return Router(*parts)
    return TracedRouter(tracer, settings.gateway_trace_ratio, *parts)


def _build_rest_door(gateway: Gateway) -> RestDoor:
    settings, tracer = gateway.settings, gateway.tracer
    parts = (gateway.bus, gateway.identity, gateway.rates, gateway.limits, gateway.clock.monotonic_s)
    if tracer is None:
        return RestDoor(*parts)
    return TracedRestDoor(tracer, settings.gateway_trace_ratio, settings.trace_proxies, *parts)


def _build_rates(limits: Limits, settings: GatewaySettings) -> Rates:
    factor = settings.gateway_rate_factor
    return Rates(
        people=CommandRate(limits.commands_per_s * factor, limits.commands_burst * factor),
        tokens=CommandRate(
            settings.gateway_token_commands_per_s * factor, settings.gateway_token_commands_burst * factor
        ),
    )


def _follow_trouble(gateway: Gateway) -> None:
    """After a lost link nothing is delivered before it is known whose logins have ended meanwhile."""

    def on_trouble() -> None:
        if not gateway.bus.is_connected:
            gateway.hub.hold()
        gateway.audit.audit_soon()

    async def resume() -> None:
        try:
            await gateway.revocations.pull_quietly()
        finally:
            gateway.hub.release()

    def on_restored() -> None:
        gateway.background.spawn("resume", resume())
        gateway.audit.audit_soon()
        gateway.watches.reread_soon()

    gateway.bus.on_trouble(on_trouble)
    gateway.bus.on_restored(on_restored)


def _expose(gateway: Gateway) -> Callable[[], None]:
    sizes = {
        "connections": lambda: len(gateway.node.sweep.connections),
        "rooms": lambda: len(gateway.hub.rooms_by_id),
        "users": lambda: len(gateway.users.by_id),
        "subscriptions": lambda: gateway.bus.subscription_count,
        "tasks": lambda: len(asyncio.all_tasks()),
    }
    return expose(gateway.stats, sizes)


def _add_doors(gateway: Gateway, app: "GatewayApp") -> None:
    node, identity = gateway.node, gateway.identity
    _build_rest_door(gateway).add_routes(app)
    app.socket_door = SocketDoor(node, identity, gateway.settings)
    stream = StreamDoor(node, identity, gateway.syncer)
    app.router.routes.append(Route(f"{PREFIX}/stream", stream, methods=["GET", "POST"]))
    exports = ExportDoor(gateway.bus, identity, gateway.rates, gateway.clock.monotonic_s)
    app.router.routes.append(Route(EXPORT_PATH, exports, methods=["GET"]))
    add_web_routes(app, gateway.settings.gateway_web_dir)


async def _wait_for(load: Callable[[], Awaitable[None]]) -> None:
    """Load what the node cannot be ready without; services start in any order."""
    while True:
        try:
            return await load()
        except ChatError as exc:
            log.info("waiting_for_auth", reason=str(exc))
            await asyncio.sleep(_WAIT_S)


def _answer_own_commands(gateway: Gateway) -> None:
    async def reauth(connection: Connection, request: auth.Reauth) -> Empty:
        claims = await gateway.identity.identify(request.access_token, connection.address)
        if (claims.user_id, claims.login_id) != (connection.user_id, connection.claims.login_id):
            raise forbidden("the token is of another user or login")
        connection.claims = claims
        connection.expires_at = claims.expires_at
        return Empty()

    router, watches = gateway.router, gateway.watches
    typing = TypingSignals(gateway.bus, gateway.clock, watches.is_hidden)
    router.answer(sync.sync, gateway.syncer.sync)
    router.answer(auth.reauth, reauth)
    router.answer(rooms.focus, focus)
    router.answer(presence.watch, watches.watch)
    router.answer(presence.unwatch, watches.unwatch)
    router.answer(presence.typing_start, typing.start)
    router.answer(presence.typing_stop, typing.stop)


class GatewayApp(FastAPI):
    """FastAPI, with a door of its own for sockets: its layers for HTTP are a tenth of a handshake."""

    socket_door: SocketDoor | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and scope["path"] == SOCKET_PATH and self.socket_door is not None:
            await self.socket_door(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: GatewaySettings) -> GatewayApp:
    """Return the ASGI app of the public port; its lifespan is the life of the node."""

    @asynccontextmanager
    async def lifespan(app: GatewayApp) -> AsyncIterator[None]:
        configure_logging("gateway", settings.log_format, settings.log_level)
        async with AsyncExitStack() as stack:
            app.state.gateway = await start(settings, app, stack)
            log.info("started", node_id=app.state.gateway.node.id)
            yield
        log.info("stopped")

    app = GatewayApp(title="ChatCraft", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(SecurityHeaders)
    app.add_exception_handler(HTTPException, refuse_method)
    return app
