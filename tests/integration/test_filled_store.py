"""The store that the benchmark fills is one that the service could have written."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bench.store.fill import fill
from deploy.local.data_dir import DataDir
from deploy.local.servers import EmbeddedServers, ExternalUrls

MESSAGES, ROOMS = 20_000, 60

# Each counts what is wrong.
WRONG = {
    "seq is dense": """
        SELECT count(*) FROM messages.rooms r LEFT JOIN (
            SELECT room_id, count(*) AS n, min(seq) AS low, max(seq) AS high FROM messages.messages
            WHERE thread_id IS NULL GROUP BY room_id
        ) m ON m.room_id = r.id WHERE (n, low, high) IS DISTINCT FROM (r.last_seq, 1, r.last_seq)
    """,
    "each rev is one row's, the room's is the highest": """
        SELECT count(*) FROM messages.rooms r LEFT JOIN (
            SELECT room_id, count(*) AS n, count(DISTINCT rev) AS revs, max(rev) AS high FROM (
                SELECT room_id, rev FROM messages.messages UNION ALL
                SELECT room_id, rev FROM messages.memberships
            ) all_revs GROUP BY room_id
        ) m ON m.room_id = r.id WHERE n <> revs OR high IS DISTINCT FROM r.rev
    """,
    "threads are dense, and their roots know them": """
        SELECT count(*) FROM messages.messages g LEFT JOIN (
            SELECT room_id, thread_id, count(*) AS n, max(seq) AS high, max(created_at) AS last
            FROM messages.messages WHERE thread_id IS NOT NULL GROUP BY room_id, thread_id
        ) t ON t.room_id = g.room_id AND t.thread_id = g.id
        WHERE (g.reply_count, g.thread_last_seq) <> (coalesce(n, 0), coalesce(high, 0))
           OR g.reply_count <> g.thread_last_seq OR g.last_reply_at IS DISTINCT FROM last
    """,
    "rooms know how many are in them": """
        SELECT count(*) FROM messages.rooms r
        WHERE member_count <> (SELECT count(*) FROM messages.memberships m WHERE m.room_id = r.id)
    """,
    "own messages above the mark are none": """
        SELECT count(*) FROM messages.memberships m JOIN messages.messages g
            ON g.room_id = m.room_id AND g.sender_id = m.user_id AND g.thread_id IS NULL
            AND g.seq > m.read_seq
    """,
    "who sends is a member": """
        SELECT count(*) FROM messages.messages g WHERE NOT EXISTS (
            SELECT FROM messages.memberships m WHERE m.room_id = g.room_id AND m.user_id = g.sender_id)
    """,
    "users' timelines are dense": """
        SELECT count(*) FROM messages.user_timelines t
        WHERE (SELECT (count(*), max(user_rev), min(user_rev)) FROM messages.user_rooms u
               WHERE u.user_id = t.user_id) IS DISTINCT FROM (t.rev, t.room_count::bigint, 1::bigint)
    """,
    "mentions name their message": """
        SELECT count(*) FROM messages.mentions n LEFT JOIN messages.messages g
            ON g.room_id = n.room_id AND g.id = n.message_id AND g.seq = n.seq
            AND n.user_id = g.mention_user_ids[1]
        WHERE g.id IS NULL
    """,
}  # fmt: skip
INDEXES = """
SELECT tablename, indexname FROM pg_indexes WHERE schemaname = 'messages' AND indexname !~ '_[0-9]{2}_'
"""


@pytest.fixture(scope="module")
async def filled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    path: Path = tmp_path_factory.mktemp("filled") / "data"
    await fill(path, MESSAGES, ROOMS)
    nobody = ExternalUrls(nats="nats://none", redis="redis://none")
    with DataDir.open(path) as data_dir:
        async with EmbeddedServers(data_dir, nobody) as servers:
            connection = await asyncpg.connect(servers.endpoints.database_url)
            yield connection
            await connection.close()


@pytest.mark.parametrize("law", WRONG)
async def test_the_filled_store_keeps_what_the_service_would(filled: Any, law: str):
    assert await filled.fetchval(WRONG[law]) == 0


async def test_it_has_about_as_many_messages_as_asked_for_and_mentions_and_threads(filled: Any):
    assert abs(await filled.fetchval("SELECT count(*) FROM messages.messages") - MESSAGES) < MESSAGES / 50
    assert await filled.fetchval("SELECT count(*) FROM messages.mentions") > MESSAGES / 100
    assert await filled.fetchval("SELECT avg(octet_length(text)) FROM messages.messages") == pytest.approx(
        200, abs=2
    )


async def test_it_has_the_indexes_and_settings_of_a_fresh_one(filled: Any, fresh_database: str):
    fresh = await asyncpg.connect(fresh_database)
    assert set(await filled.fetch(INDEXES)) == set(await fresh.fetch(INDEXES))
    await fresh.close()
    assert await filled.fetchval("SHOW fsync") == await filled.fetchval("SHOW full_page_writes") == "on"
