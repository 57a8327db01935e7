"""Composition root of the messages service: the only module that knows which parts are plugged together."""

from contextlib import AsyncExitStack

from asyncpg.exceptions import InterfaceError, PostgresError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from services.messages.commands.people import People
from services.messages.commands.register import register
from services.messages.outbox import Publisher, Sweeper, keep_stream
from services.messages.retention import Retention, Vacuum
from services.messages.search import Indexer
from services.messages.settings import MessagesSettings
from services.messages.store.connection import borrow
from services.messages.store.deployment import (
    SCHEMA_NEWEST,
    SCHEMA_OLDEST,
    find_schema_version,
    watch_connections,
)
from services.messages.store.item_sweeper import ItemSweeper
from services.messages.store.journal import Journal
from services.messages.store.transaction import Database
from services.messages.writer import Writer
from shared.background import Background
from shared.bus import Bus
from shared.db import create_engine, explain, translate
from shared.dispatch import Dispatcher
from shared.lifecycle import Checks, StartupError, create_private_app
from shared.outages import Outage
from shared.tracing import Tracer, open_tracer

_SERVICE = "messages"
_FEED_DRAIN_S = 2.0  # what the feed has not acknowledged by then is another replica's to sweep


def create_app(settings: MessagesSettings) -> Starlette:
    """Return the private port's app; its lifespan connects, serves, and drains."""

    async def start(stack: AsyncExitStack) -> Checks:
        tracer = open_tracer(settings, _SERVICE, stack)
        engine = create_engine(settings, _SERVICE, tracer)
        stack.push_async_callback(engine.dispose)
        watch_connections(engine)
        await _check_schema(engine)
        bus = await Bus.connect(settings.nats_servers, _SERVICE, tracer)
        stack.push_async_callback(bus.close)
        await _serve(settings, engine, bus, stack, tracer)
        # JetStream is not asked: without it chat works, and the feed is filled later. Its state is a metric.
        return {"nats": bus.round_trip, "postgres": lambda: _ask(engine)}

    return create_private_app(_SERVICE, settings, start)


async def _serve(
    settings: MessagesSettings, engine: AsyncEngine, bus: Bus, stack: AsyncExitStack, tracer: Tracer | None
) -> None:
    background = await stack.enter_async_context(Background(Outage(lambda: _ask(engine), translate)))
    publisher = Publisher(bus, engine)
    publisher.start()
    indexer = Indexer(engine)

    def on_commit(journal: Journal) -> None:
        publisher.hand_over(journal)
        indexer.hint(journal)

    dispatcher = Dispatcher(_SERVICE, bus, translate, tracer)
    writer = Writer(
        engine, bus.instance, on_commit, dispatcher.explain,
        lanes=settings.messages_writers, batch_max=settings.messages_batch_max, tracer=tracer,
    )  # fmt: skip
    database = Database(engine, bus.instance, on_commit)
    register(dispatcher, database, People(bus), writer)

    background.run("feed", lambda: keep_stream(bus, settings, lambda: publisher.is_feed_up))
    background.run("publisher", publisher.run)
    background.run("outbox", publisher.run_bookkeeping)
    background.run("sweeper", Sweeper(bus, engine, publisher).run)
    background.run("items", ItemSweeper(engine).run)
    retention = Retention(database, Vacuum(engine), settings.messages_retention_every_s)
    background.run("retention", retention.run)
    background.run("indexer", indexer.run)
    background.run("search_audit", indexer.run_audit)
    writer.start(background)

    # Undone in reverse: no new commands, then what was taken is committed, then published.
    stack.push_async_callback(publisher.drain, _FEED_DRAIN_S)
    stack.push_async_callback(writer.drain, settings.messages_drain_s)
    stack.push_async_callback(dispatcher.drain, settings.messages_drain_s)
    await dispatcher.start()
    await bus.flush()  # "started" means that commands reach this process


async def _check_schema(engine: AsyncEngine) -> None:
    try:
        async with borrow(engine) as connection:
            version = await find_schema_version(connection)
    except (SQLAlchemyError, PostgresError, InterfaceError, OSError) as exc:
        raise StartupError(f"PostgreSQL: {explain(exc)}") from exc
    if version is None or version < SCHEMA_OLDEST:
        raise StartupError("the database is not migrated: run python -m shared.migrate")
    if version > SCHEMA_NEWEST:
        raise StartupError(f"the database is at version {version}, too new for this program: update it")


async def _ask(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
