"""Starting, being ready, and noticing that the database has another history."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest

from services.messages.app import create_app
from services.messages.store.deployment import SCHEMA_NEWEST, SCHEMA_OLDEST, watch_connections
from shared.contracts import internal
from shared.contracts.registry import iter_commands
from shared.contracts.sync import HeldPosition
from shared.db import create_engine, raw_connection
from shared.ids import new_id
from shared.lifecycle import StartupError
from tests.integration.messages.world import World

if TYPE_CHECKING:
    from tests.databases import DatabaseFactory


async def test_an_instance_is_ready_once_it_answers_every_command(
    world: World, nats_url: Callable[[str], str]
):
    for check in world.apps[0].state.checks.values():
        await check()
    subjects = set()
    info = await world.gateway.request("$SRV.INFO.messages", b"", timeout_s=30)
    for endpoint in msgspec.json.decode(info)["endpoints"]:
        subjects.add(endpoint["subject"])
    declared = {each.subject for each in iter_commands() if each.service == "messages"}
    calls = {value for value in vars(internal).values() if str(value).startswith("svc.messages.")}
    assert subjects == declared | calls | {internal.SEND_MANY}


async def test_an_unmigrated_database_is_explained(
    databases: "DatabaseFactory", nats_url: Callable[[str], str]
):
    world = World(await databases.create_empty(), nats_url)
    app = create_app(world.settings())
    with pytest.raises(StartupError, match="migrate"):
        async with app.router.lifespan_context(app):
            pass


@pytest.mark.parametrize(
    ("version", "words"),
    [(SCHEMA_NEWEST + 1, "too new"), (SCHEMA_OLDEST - 1, "migrate")],
)
async def test_a_schema_outside_of_what_the_program_knows_is_refused(
    databases: "DatabaseFactory", nats_url: Callable[[str], str], version: int, words: str
):
    url = await databases.create()
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE messages.schema_version SET version_num = $1", f"{version:04d}")
    await connection.close()
    app = create_app(World(url, nats_url).settings())
    with pytest.raises(StartupError, match=words):
        async with app.router.lifespan_context(app):
            pass


async def test_an_unreachable_database_is_explained(nats_url: Callable[[str], str]):
    app = create_app(World("postgresql://nobody:none@127.0.0.1:1/none", nats_url).settings())
    with pytest.raises(StartupError, match="does not answer"):
        async with app.router.lifespan_context(app):
            pass


async def test_a_database_that_does_not_know_the_password_is_explained(
    databases: "DatabaseFactory", nats_url: Callable[[str], str]
):
    url = urlsplit(await databases.create())
    wrong = url._replace(netloc=f"{url.username}:wrong@{url.hostname}:{url.port}").geturl()
    app = create_app(World(wrong, nats_url).settings())
    with pytest.raises(StartupError, match=f'password authentication failed for user "{url.username}"'):
        async with app.router.lifespan_context(app):
            pass


async def test_a_database_that_takes_no_writes_is_explained(
    databases: "DatabaseFactory", nats_url: Callable[[str], str]
):
    """As a standby does, before it is promoted."""
    url = await databases.create()
    connection = await asyncpg.connect(url)
    database = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    await connection.close()
    app = create_app(World(url, nats_url).settings())
    with pytest.raises(StartupError, match="takes no writes"):
        async with app.router.lifespan_context(app):
            pass


async def test_another_history_of_the_database_raises_the_epoch_once(
    databases: "DatabaseFactory", nats_url: Callable[[str], str], world: World
):
    """Told by the timeline, as after a failover, by the first of many new connections."""
    restored = World(await databases.create(), nats_url)
    engine = create_engine(restored.settings(), "test")
    watch_connections(engine)
    try:
        async with raw_connection(engine) as connection:
            before = await connection.fetchval("SELECT epoch FROM messages.deployment")
            await connection.execute("UPDATE messages.deployment SET timeline_id = timeline_id - 1")
        await engine.dispose()
        async with AsyncExitStack() as stack:
            borrowed = [await stack.enter_async_context(raw_connection(engine)) for _ in range(3)]
            raised = {
                await connection.fetchval("SELECT epoch FROM messages.deployment") for connection in borrowed
            }
            assert len(raised) == 1
            assert raised.pop() > before
    finally:
        await engine.dispose()


async def test_positions_of_another_epoch_are_reset_everywhere(world: World):
    ann = new_id()
    room = await world.room(ann)
    connection = await asyncpg.connect(world.database_url)
    await connection.execute("UPDATE messages.deployment SET epoch = epoch + 1")
    try:
        heard = world.hear_room(room.id)
        await world.send(ann, room.id)
        [frame] = await heard.until(1)
        assert (frame["epoch"], frame["rev"]) == (2, 2)
        assert (await world.changes(ann, room.id, 1, epoch=1)).reset
        assert (await world.get_room(ann, room.id)).epoch == 2
        asked = internal.GetSnapshot(ann, [room.id], {room.id: HeldPosition(1, 2)})
        found = await world.call(internal.SNAPSHOT, asked, internal.Snapshot)
        assert found.elements[0].state == "reset"
        positions = await world.call(internal.POSITIONS, internal.GetPositions([room.id]), internal.Positions)
        assert positions == internal.Positions(2, {room.id: 2}, {})
    finally:
        await connection.execute("UPDATE messages.deployment SET epoch = epoch - 1")
        await connection.close()
