"""Fills a new data directory with a large store: `python -m bench.store.fill PATH [--messages N]`.

`chatcraft up --data-dir PATH` opens it; `python -m bench.store --only reads --filled PATH` measures it again.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from bench.store import fill_sql
from bench.store.effort import FULL
from deploy.local.data_dir import DataDir
from deploy.local.migrations import migrate
from deploy.local.postgres import postgres_url
from deploy.local.servers import EmbeddedServers, ExternalUrls

_CONNECTIONS = 2
_PARTS = 40
_TABLES = ("messages", "mentions")
# While it is filled a crash costs nothing but to begin again.
_CARELESS: Mapping[str, str | None] = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
_SESSION = """
SET maintenance_work_mem = '512MB'; SET work_mem = '512MB'; SET synchronize_seqscans = off;
SET max_parallel_maintenance_workers = 1; SET synchronous_commit = off;
"""
_FILLED_NOTE = "bench_filled"
_SYLLABLES = [first + second for first in "bcdfghklmnprstvz" for second in "aeiou"]


async def fill(path: Path, messages: int, rooms: int) -> None:
    """Create the data directory and fill it; returns at once where that was done before."""
    nobody = ExternalUrls(nats="nats://none", redis="redis://none")
    with DataDir.open(path) as data_dir:
        if data_dir.read_note(_FILLED_NOTE):
            return
        async with EmbeddedServers(data_dir, nobody) as servers:
            url = servers.endpoints.database_url
            await migrate(url)
            admin = await asyncpg.connect(postgres_url(data_dir, as_admin=True))
            connections = [await asyncpg.connect(url) for _ in range(_CONNECTIONS)]
            await _set(admin, _CARELESS)
            for connection in (admin, *connections):
                await connection.execute(_SESSION)
            await _fill(connections, messages, rooms)
            await _set(admin, dict.fromkeys(_CARELESS))
            with _step("checkpoint"):
                await admin.execute("CHECKPOINT", timeout=600)
            for connection in (admin, *connections):
                await connection.close()
        data_dir.write_note(_FILLED_NOTE, f"{messages} messages, {rooms} rooms")


async def _fill(connections: Sequence[Any], messages: int, rooms: int) -> None:
    first = connections[0]
    with _step("rooms and members"):
        await first.execute(fill_sql.FUNCTIONS)
        await first.copy_records_to_table(
            "sentences", schema_name="bench_fill", records=list(enumerate(_sentences()))
        )
        await _execute_formatted(first, fill_sql.ROOMS, messages, rooms)
        await _execute_formatted(first, fill_sql.MEMBERS, rooms, fill_sql.USERS_IN_20, fill_sql.USERS_IN_300)
        for statement in (
            "ANALYZE bench_fill.rooms", "ANALYZE bench_fill.members", fill_sql.ROOM_ROWS,
            fill_sql.MEMBERSHIP_ROWS, fill_sql.USER_ROOM_ROWS, fill_sql.TIMELINE_ROWS,
            fill_sql.SEARCH_ROWS,
        ):  # fmt: skip
            await first.execute(statement)
    with _step("order of time"):
        await first.execute(fill_sql.PLAN)
    indexes = [each for table in _TABLES for each in await _drop_indexes(first, table)]
    with _step(f"{messages:,} messages"):
        await _insert_messages(connections)
    with _step("mentions"):
        await first.execute(fill_sql.MENTION_ROWS)
        await first.execute("DROP SCHEMA bench_fill CASCADE")
    with _step("indexes"):
        # Keys first: they need the table to themselves. The others are built side by side.
        keys = [each for each in indexes if each.startswith("ALTER")]
        await _run_all(connections[:1], keys)
        await _run_all(connections, [each for each in indexes if each not in keys])
    with _step("vacuum"):
        tables = await first.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'messages'::regnamespace AND relkind = 'r'"
        )
        await _run_all(connections, [f"VACUUM (ANALYZE) messages.{table}" for (table,) in tables])


async def _insert_messages(connections: Sequence[Any]) -> None:
    """Insert parts of the plan on all connections; a part is a run of its blocks."""
    blocks = await connections[0].fetchval(fill_sql.PLAN_BLOCKS)
    bounds = [f"({blocks * part // _PARTS},0)" for part in range(_PARTS)] + [f"({blocks},0)"]
    parts = list(pairwise(bounds))

    async def work(connection: Any) -> None:
        while parts:
            await connection.execute(fill_sql.MESSAGE_ROWS, *parts.pop(0))

    await asyncio.gather(*map(work, connections))


async def _drop_indexes(connection: Any, table: str) -> list[str]:
    """Drop the table's indexes; return the statements that make them again."""
    again = []
    for each in await connection.fetch(fill_sql.INDEXES, f"messages.{table}"):
        if each["constraint"]:
            await connection.execute(f'ALTER TABLE messages.{table} DROP CONSTRAINT "{each["constraint"]}"')
            definition = each["constraint_definition"]
            again.append(f'ALTER TABLE messages.{table} ADD CONSTRAINT "{each["constraint"]}" {definition}')
        else:
            await connection.execute(f'DROP INDEX messages."{each["name"]}"')
            again.append(each["definition"])
    return again


async def _run_all(connections: Sequence[Any], statements: list[str]) -> None:
    waiting = list(statements)

    async def work(connection: Any) -> None:
        while waiting:
            await connection.execute(waiting.pop(0))

    await asyncio.gather(*map(work, connections))


async def _execute_formatted(connection: Any, statement: str, *values: int) -> None:
    """Run a CREATE TABLE AS, which takes no parameters, with numbers written into it."""
    for place, value in enumerate(values, 1):
        statement = statement.replace(f"${place}", str(int(value)))
    await connection.execute(statement)


async def _set(admin: Any, settings: Mapping[str, str | None]) -> None:
    for name, value in settings.items():
        await admin.execute(f"ALTER SYSTEM SET {name} = {value}" if value else f"ALTER SYSTEM RESET {name}")
    await admin.execute("SELECT pg_reload_conf()")


def _sentences() -> Iterator[str]:
    """Words of two to four syllables, some far more often than others, 200 characters of them."""
    chance = random.Random(1)
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(4_000)]
    weights = [1 / place for place in range(1, len(words) + 1)]
    for _ in range(fill_sql.SENTENCES):
        yield " ".join(chance.choices(words, weights, k=40))[:200]


@contextmanager
def _step(name: str) -> Iterator[None]:
    started_s = time.perf_counter()
    yield
    print(f"  {name}: {time.perf_counter() - started_s:.1f} s", file=sys.stderr, flush=True)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--messages", type=int, default=FULL.filled_messages)
    parser.add_argument("--rooms", type=int, default=FULL.filled_rooms)
    options = parser.parse_args()
    uvloop.run(fill(options.path, options.messages, options.rooms))


if __name__ == "__main__":
    main()
