"""The indexer: by whichever replica, after a crash at any point, each change once."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.messages.search import Indexer
from services.messages.store.deployment import watch_connections
from shared.contracts import search
from shared.db import create_engine
from shared.ids import new_id
from tests.integration.messages.world import World


@pytest.fixture
async def engine(world: World) -> AsyncIterator[AsyncEngine]:
    """Another process's way to the database."""
    made = create_engine(world.settings(), "other")
    watch_connections(made)
    yield made
    await made.dispose()


@pytest.fixture
async def database(world: World) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(world.database_url)
    yield connection
    await connection.close()


async def count(world: World, user_id: str, q: str) -> int:
    return len((await world.ask(search.search, user_id, q=q, limit=100)).hits)


async def until_count(world: World, user_id: str, q: str, expected: int) -> None:
    async with asyncio.timeout(30):
        while True:
            if await count(world, user_id, q) == expected:
                return
            await asyncio.sleep(0.02)


async def test_what_a_dead_process_did_not_index_another_finds(world: World, database: asyncpg.Connection):
    """As after a kill between commit and indexing: rows and progress of before, and nobody who hints."""
    ann = new_id()
    room = await world.room(ann)
    for number in range(5):
        await world.send(ann, room.id, f"orphan {number}")
    await until_count(world, ann, "orphan", 5)
    async with database.transaction():
        await database.execute("UPDATE messages.search_progress SET rev = 1 WHERE room_id = $1", room.id)
        await database.execute("DELETE FROM messages.message_search WHERE room_id = $1", room.id)
    await until_count(world, ann, "orphan", 5)


async def test_a_room_that_was_never_indexed_is_found_by_the_comparison(
    world: World, database: asyncpg.Connection
):
    ann = new_id()
    room = await world.room(ann)
    await world.send(ann, room.id, "imported")
    await until_count(world, ann, "imported", 1)
    async with database.transaction():
        await database.execute("DELETE FROM messages.search_progress WHERE room_id = $1", room.id)
        await database.execute("DELETE FROM messages.message_search WHERE room_id = $1", room.id)
    await until_count(world, ann, "imported", 1)


async def test_a_room_in_anothers_hands_is_left_to_it(
    world: World, engine: AsyncEngine, database: asyncpg.Connection
):
    ann = new_id()
    room = await world.room(ann)
    await world.send(ann, room.id, "claimed")
    await until_count(world, ann, "claimed", 1)
    async with database.transaction():
        await database.fetch("SELECT 1 FROM messages.search_progress WHERE room_id = $1 FOR UPDATE", room.id)
        await asyncio.wait_for(Indexer(engine).index([room.id]), 5)  # does not wait for it


async def test_several_indexers_at_once_index_everything(world: World, engine: AsyncEngine):
    ann = new_id()
    room = await world.room(ann)
    others = [Indexer(engine) for _ in range(3)]
    for number in range(20):
        await asyncio.gather(
            world.send(ann, room.id, f"contended {number}"), *(each.index([room.id]) for each in others)
        )
    await until_count(world, ann, "contended", 20)


async def test_more_than_one_round_is_gone_through(world: World, engine: AsyncEngine):
    ann = new_id()
    room = await world.room(ann)
    await asyncio.gather(*(world.send(ann, room.id, f"many {number}") for number in range(250)))
    indexer = Indexer(engine)
    async with asyncio.timeout(30):
        while await indexer.audit():
            await indexer.catch_up()
    found: set[str] = set()
    cursor = {}
    while True:
        page = await world.ask(search.search, ann, q="many", limit=100, **cursor)
        found |= {hit.message.text for hit in page.hits}
        if page.next_cursor is None:
            break
        cursor = {"cursor": page.next_cursor}
    assert len(found) == 250
