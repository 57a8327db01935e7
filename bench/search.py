"""Search at a million messages: how long each kind of query takes, what the index weighs, how fast it fills.

`python -m bench.search [--messages 1000000] [--queries 200]`, without NATS and sockets in between.
The caller is in 1,000 of 10,000 rooms.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.load.measure import summarise_ms
from bench.load.report import save, show
from bench.search_corpus import Corpus, fill
from deploy.local.data_dir import DataDir
from deploy.local.migrations import migrate
from deploy.local.servers import EmbeddedServers
from services.messages.commands.search import SearchCommands
from services.messages.search import Indexer
from services.messages.settings import MessagesSettings
from services.messages.store.deployment import watch_connections
from services.messages.store.transaction import Database
from shared.bus import Caller
from shared.contracts.search import SearchMessages
from shared.db import create_engine
from shared.ids import new_id

_SIZE = """
SELECT sum(pg_total_relation_size(c.oid)), sum(pg_relation_size(c.oid)) FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'messages' AND c.relname ~ '^message_search_[0-9]+$'
"""
Kinds = dict[str, Callable[[], SearchMessages]]


def kinds_of_query(corpus: Corpus, room_id: str, sender_id: str) -> Kinds:
    """Return what people look for, each drawn anew."""
    draw, words = corpus.random, corpus.words

    def word(low: int, high: int) -> str:
        return words[draw.randrange(low, high)]

    return {
        "in 30 % of messages": lambda: SearchMessages("common"),
        "frequent word": lambda: SearchMessages(word(0, 20)),
        "medium word": lambda: SearchMessages(word(300, 1_000)),
        "rare word": lambda: SearchMessages(word(20_000, 50_000)),
        "word nobody wrote": lambda: SearchMessages("nobodywrotethis"),
        "two frequent words": lambda: SearchMessages(f"common {word(0, 50)}"),
        "frequent and rare word": lambda: SearchMessages(f"common {word(5_000, 50_000)}"),
        "phrase of frequent words": lambda: SearchMessages(f'"common {word(0, 50)}"'),
        "prefix of 3": lambda: SearchMessages(word(500, 5_000)[:3] + "*"),
        "frequent without another": lambda: SearchMessages(f"common -{word(0, 50)}"),
        "Chinese, 2 characters": lambda: SearchMessages(corpus.han(2)),
        "Chinese, 1 character": lambda: SearchMessages(corpus.han(1)),
        "address": lambda: SearchMessages(f"{draw.randint(1, 254)}.{draw.randint(1, 254)}"),
        "frequent, one room": lambda: SearchMessages("common", room_id=room_id),
        "frequent, one sender": lambda: SearchMessages("common", from_id=sender_id),
        "frequent, before half a year": lambda: SearchMessages(
            "common", before=time.strftime("%Y-%m-%d", time.gmtime(time.time() - 183 * 86_400))
        ),
        "all links": lambda: SearchMessages(has=["link"]),
        "pinned": lambda: SearchMessages("common", has=["pin"]),
    }


async def measure(commands: SearchCommands, kinds: Kinds, user_id: str, queries: int) -> dict[str, Any]:
    caller = Caller(user_id, user_id, "member", "::1")
    figures: dict[str, Any] = {}
    everything: list[float] = []
    for name, make in kinds.items():
        taken: list[float] = []
        hits = 0
        for number in range(queries + 20):
            asked = make()
            started_s = time.perf_counter()
            found = await commands.search(caller, asked)
            if number >= 20:  # connections and plans are warm
                taken.append(time.perf_counter() - started_s)
                hits += len(found.hits)
        everything += taken
        figures[name] = summarise_ms(taken) | {"hits": round(hits / queries, 1)}
    figures["all kinds"] = summarise_ms(everything)
    return figures


async def index_all(engine: AsyncEngine, messages: int) -> float:
    """Index everything as the service would after an import; return messages a second."""
    indexer = Indexer(engine)
    started_s = time.perf_counter()
    while await indexer.audit():
        await indexer.catch_up()
    return round(messages / (time.perf_counter() - started_s))


async def measure_search(messages: int, queries: int) -> dict[str, Any]:
    """Fill a store of its own, index it, and ask so many queries of each kind."""
    with tempfile.TemporaryDirectory() as path, DataDir.open(Path(path) / "data") as data_dir:
        async with EmbeddedServers(data_dir) as servers:
            await migrate(servers.endpoints.database_url)
            return await _measure_on(servers.endpoints.database_url, messages, queries)


async def _measure_on(database_url: str, messages: int, queries: int) -> dict[str, Any]:
    settings = MessagesSettings(database_url=database_url, nats_url="nats://none", health_port=1)
    corpus = Corpus()
    connection = await asyncpg.connect(database_url)
    try:
        started_s = time.perf_counter()
        user_id = await fill(connection, corpus, messages)
        print(f"filled in {time.perf_counter() - started_s:.0f} s", flush=True)
        engine = create_engine(settings, "bench")
        watch_connections(engine)
        rate = await index_all(engine, messages)
        print(f"indexed {rate} messages/s", flush=True)
        await connection.execute("VACUUM ANALYZE")
        total, heap = await connection.fetchrow(_SIZE)
        room_id, sender_id = await connection.fetchrow(
            "SELECT u.room_id::text, g.sender_id::text FROM messages.user_rooms u "
            "JOIN messages.messages g ON g.room_id = u.room_id LIMIT 1"
        )
        commands = SearchCommands(Database(engine, new_id(), lambda _journal: None))
        kinds = kinds_of_query(corpus, room_id, sender_id)
        figures = await measure(commands, kinds, user_id, queries)
        await engine.dispose()
    finally:
        await connection.close()
    return {
        "messages": messages,
        "indexed_per_s": rate,
        "bytes_per_message": round(total / messages),
        "of_it_index_bytes": round((total - heap) / messages),
        "queries": figures,
    }


def present(figures: dict[str, Any]) -> None:
    rows = [(name, str(value)) for name, value in figures.items() if name != "queries"]
    rows += [
        (name, f"p50 {each['p50_ms']:7.1f}   p99 {each['p99_ms']:7.1f}   max {each['max_ms']:7.1f} ms")
        for name, each in figures["queries"].items()
    ]
    show("Search", rows)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200, help="of each kind")
    options = parser.parse_args()
    figures = await measure_search(options.messages, options.queries)
    present(figures)
    save("search", figures)


if __name__ == "__main__":
    uvloop.run(main())
