"""The composition root of the gateway: the only file that knows which part is plugged in where."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.routing import Route, WebSocketRoute

from services.gateway.audit import Audit
from services.gateway.connection import Connection
from services.gateway.drain import drain
from services.gateway.hub import Hub
from services.gateway.identity import Identity
from services.gateway.limits import CommandRate
from services.gateway.node import GatewayNode
from services.gateway.presence import Lease, Watches
from services.gateway.rest import PREFIX, RestDoor
from services.gateway.revocations import Revocations
from services.gateway.router import Router
from services.gateway.settings import GatewaySettings
from services.gateway.stats import Stats, expose, measure_loop_lag
from services.gateway.store_client import StoreClient
from services.gateway.stream import StreamDoor
from services.gateway.sync import Syncer
from services.gateway.typing_signals import TypingSignals
from services.gateway.user_events import UserEvents
from services.gateway.users import Users
from services.gateway.web import SecurityHeaders, add_web_routes
from services.gateway.websocket import SocketDoor
from shared import calls
from shared.background import Background
from shared.bus import Bus
from shared.clock import SystemClock
from shared.contracts import auth, internal, presence, sync
from shared.contracts.entities import Empty
from shared.contracts.limits import Limits
from shared.errors import ChatError, forbidden
from shared.lifecycle import Checks
from shared.telemetry import configure_logging, get_logger

log = get_logger(__name__)

_WAIT_S = 0.2


@dataclass(slots=True)
class Gateway:
    """The parts that others than the composition root touch."""

    node: GatewayNode
    router: Router
    lease: Lease
    checks: Checks
    settings: GatewaySettings

    async def drain(self) -> None:
        """Send everybody elsewhere; returns when the node is empty and idle."""
        await drain(self.node, self.router, self.lease, self.settings.gateway_drain_s)


async def start(settings: GatewaySettings, app: FastAPI, stack: AsyncExitStack) -> Gateway:
    """Build all parts, connect them, and load what must be known before the first request.

    Raises ChatError if NATS or the auth service is away.
    """
    clock, limits = SystemClock(), Limits()
    bus = await Bus.connect(settings.nats_servers, "gateway")
    stack.push_async_callback(bus.close)
    background = await stack.enter_async_context(Background())
    stats, store = Stats(), StoreClient(bus)
    rate = CommandRate(limits, settings)
    revocations = Revocations(bus, background, clock)
    identity = Identity(bus, revocations, clock)
    hub = Hub(background=background, bus=bus, stats=stats, fetch=store.get_changes)
    users = Users(bus, background)
    syncer = Syncer(store, hub, users)
    events = UserEvents(bus, hub, users, syncer)
    audit = Audit(bus, background, hub, users)
    lease, watches = Lease(bus, background, bus.instance), Watches(bus, background)
    router = Router(bus, rate, limits, clock.monotonic_s)
    node = GatewayNode(
        bus, clock, settings, limits,
        hub=hub, users=users, router=router, rate=rate, lease=lease, watches=watches, stats=stats,
    )  # fmt: skip
    users.apply, users.heal = events.apply, events.heal
    hub.on_left, hub.on_reset, hub.on_first_attach = events.on_left, events.on_reset, audit.on_first_attach
    revocations.on_revoked = node.on_revoked
    _answer_own_commands(router, syncer, identity, watches, TypingSignals(bus, clock, watches.is_hidden))

    await _wait_for(identity.load_keys)
    await _wait_for(revocations.start)
    audit.start()
    lease.start()
    watches.start()
    background.run("sweep", node.sweep.run)
    background.run("loop_lag", measure_loop_lag)
    sizes = {
        "connections": lambda: len(node.sweep.connections),
        "rooms": lambda: len(hub.rooms_by_id),
        "users": lambda: len(users.by_id),
    }
    stack.callback(expose(stats, sizes))
    _heal_after_trouble(bus, background, revocations, audit, watches)
    RestDoor(bus, identity, rate, limits, clock.monotonic_s).add_routes(app)
    app.router.routes.append(WebSocketRoute("/ws", SocketDoor(node, identity, settings)))
    stream = StreamDoor(node, identity, syncer)
    app.router.routes.append(Route(f"{PREFIX}/stream", stream, methods=["GET", "POST"]))
    add_web_routes(app, settings.gateway_web_dir)
    stack.callback(hub.close)

    async def ask_store() -> None:
        await calls.call(bus, internal.POSITIONS, internal.GetPositions(), internal.Positions, timeout_s=2)

    return Gateway(node, router, lease, {"nats": bus.round_trip, "store": ask_store}, settings)


def _heal_after_trouble(
    bus: Bus, background: Background, revocations: Revocations, audit: Audit, watches: Watches
) -> None:
    def on_restored() -> None:
        background.spawn("revocations", revocations.pull())
        audit.audit_soon()
        watches.reread_soon()

    bus.on_restored(on_restored)
    bus.on_trouble(audit.audit_soon)


async def _wait_for(load: Callable[[], Awaitable[None]]) -> None:
    """Load what the node cannot be ready without; services start in any order."""
    while True:
        try:
            return await load()
        except ChatError as exc:
            log.info("waiting_for_auth", reason=str(exc))
            await asyncio.sleep(_WAIT_S)


def _answer_own_commands(
    router: Router, syncer: Syncer, identity: Identity, watches: Watches, typing: TypingSignals
) -> None:
    async def reauth(connection: Connection, request: auth.Reauth) -> Empty:
        claims = await identity.identify(request.access_token)
        if (claims.user_id, claims.login_id) != (connection.user_id, connection.claims.login_id):
            raise forbidden("the token is of another user or login")
        connection.claims = claims
        connection.expires_at = claims.expires_at
        return Empty()

    router.answer(sync.sync, syncer.sync)
    router.answer(auth.reauth, reauth)
    router.answer(presence.watch, watches.watch)
    router.answer(presence.unwatch, watches.unwatch)
    router.answer(presence.typing_start, typing.start)
    router.answer(presence.typing_stop, typing.stop)


def create_app(settings: GatewaySettings) -> FastAPI:
    """Return the ASGI app of the public port; its lifespan is the life of the node."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        configure_logging("gateway", settings.log_format, settings.log_level)
        async with AsyncExitStack() as stack:
            app.state.gateway = await start(settings, app, stack)
            log.info("started", node_id=app.state.gateway.node.id)
            yield
        log.info("stopped")

    app = FastAPI(title="ChatCraft", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(SecurityHeaders)
    return app
