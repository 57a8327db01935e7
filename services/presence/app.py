"""The presence service put together: bus, Redis, handlers, the two background tasks. Run by `__main__`."""

from contextlib import AsyncExitStack

from starlette.applications import Starlette

from services.presence.announcements import Announcer
from services.presence.commands import Commands
from services.presence.domain import Timing
from services.presence.leases import Sweeper
from services.presence.settings import PresenceSettings
from services.presence.store import Store
from shared import kv
from shared.background import Background
from shared.bus import Bus
from shared.clock import Clock, SystemClock
from shared.contracts import presence
from shared.contracts.internal import (
    PRESENCE_FORGET,
    PRESENCE_HOLD,
    PRESENCE_KEPT,
    PRESENCE_READ,
    HoldPresence,
    PresenceOf,
    ReadPresence,
)
from shared.dispatch import Dispatcher
from shared.lifecycle import Checks, create_private_app
from shared.outages import Outage
from shared.tracing import Tracer, open_tracer

SERVICE = "presence"


def create_app(settings: PresenceSettings) -> Starlette:
    """Return the ASGI app of the private port. Starts without Redis, and is not ready until it is there."""

    async def start(stack: AsyncExitStack) -> Checks:
        tracer = open_tracer(settings, SERVICE, stack)
        bus = await Bus.connect(settings.nats_servers, SERVICE, tracer)
        stack.push_async_callback(bus.close)
        client = kv.create_client(settings.redis_url.get_secret_value())
        stack.push_async_callback(client.aclose)
        timing = Timing()
        store = Store(client, timing)
        await start_presence(stack, bus, store, timing, SystemClock(), tracer=tracer)
        return {"nats": bus.round_trip, "redis": store.ping}

    return create_private_app(SERVICE, settings, start)


async def start_presence(
    stack: AsyncExitStack,
    bus: Bus,
    store: Store,
    timing: Timing,
    clock: Clock,
    *,
    tracer: Tracer | None = None,
) -> None:
    """Answer on the bus, sweep and announce until the stack closes."""
    background = await stack.enter_async_context(Background(Outage(store.ping, kv.translate)))
    announcer = Announcer(store, bus, background)
    sweeper = Sweeper(store, bus, background, clock, timing, on_changed=announcer.wake)
    background.run("announce", announcer.run)
    background.run("sweep", sweeper.run)

    commands = Commands(store, clock, announcer.wake)
    dispatcher = Dispatcher(SERVICE, bus, kv.translate, tracer)
    dispatcher.handle(presence.set_presence, commands.set_presence)
    dispatcher.handle(presence.get, commands.get)
    dispatcher.answer(PRESENCE_HOLD, HoldPresence, commands.hold)
    dispatcher.answer(PRESENCE_READ, ReadPresence, commands.read)
    dispatcher.answer(PRESENCE_KEPT, PresenceOf, commands.kept)
    dispatcher.answer(PRESENCE_FORGET, PresenceOf, commands.forget)
    stack.push_async_callback(dispatcher.drain)
    await dispatcher.start()
