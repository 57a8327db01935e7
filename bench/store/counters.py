"""What a phase cost the store: transactions, WAL and disk, as PostgreSQL counts them."""

from typing import Any, NamedTuple

import asyncpg

_READ = """
SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()),
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
       (pg_current_wal_lsn() - '0/0')::bigint,
       (SELECT count(*) FROM messages.messages)
"""
_SIZES = """
SELECT regexp_replace(c.relname, '_[0-9]+$', '') AS relation,
       sum(pg_relation_size(c.oid))::bigint AS heap_bytes, sum(pg_indexes_size(c.oid))::bigint AS index_bytes,
       sum(pg_total_relation_size(c.oid))::bigint AS total_bytes
FROM pg_class c WHERE c.relnamespace = 'messages'::regnamespace AND c.relkind = 'r'
GROUP BY 1 ORDER BY total_bytes DESC
"""


class Counters(NamedTuple):
    """At one moment; wait until idle backends have reported before reading."""

    transactions: int
    written_transactions: int
    wal_bytes: int
    messages: int

    def since(self, before: "Counters") -> dict[str, float]:
        """Return what each message in between has cost."""
        messages = max(self.messages - before.messages, 1)
        return {
            "transactions_per_message": round((self.transactions - before.transactions) / messages, 4),
            # Those that got a number because they wrote: each a record of its commit in the WAL.
            "writing_transactions_per_message": round(
                (self.written_transactions - before.written_transactions) / messages, 4
            ),
            "wal_bytes_per_message": round((self.wal_bytes - before.wal_bytes) / messages),
        }


async def read_counters(database_url: str) -> Counters:
    """Return them as of now."""
    connection = await asyncpg.connect(database_url)
    try:
        return Counters(*await connection.fetchrow(_READ))
    finally:
        await connection.close()


async def measure_disk(database_url: str, messages: int) -> dict[str, Any]:
    """Return the bytes of every table and its indexes, and what that is for each of the messages."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(_SIZES)
    finally:
        await connection.close()
    by_table = {
        row["relation"]: {"heap_bytes": row["heap_bytes"], "index_bytes": row["index_bytes"]}
        for row in rows
        if row["total_bytes"] > 1_000_000
    }
    total = sum(row["total_bytes"] for row in rows)
    return {"bytes_per_message": round(total / messages), "total_bytes": total, "by_table": by_table}
