"""Walks through every table of both schemas for what is left of somebody: whatever is new is in it too."""

from collections.abc import Iterable
from typing import NamedTuple

import asyncpg

TABLES = """
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('auth', 'messages') AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""
# Where the id of somebody who is erased may stand, and why. Their name, address or words may stand nowhere.
IDS_STAY = {
    "auth.users": "the account without a name, which messages and rooms of others point at",
    "auth.erasures": "the receipt",
    "auth.audit_log": "a chain: an entry taken out would break it; it holds ids and addresses of the network",
    "auth.revocations": "for 16 minutes: ends what tokens there were",
    "messages.bans": "who banned somebody else",
    "messages.erased_users": "nobody takes them into a room any more",
    "messages.rooms": "who created it; whose direct conversation it is, which its id is made of",
    "messages.memberships": "that they have left, for clients that come back and have to be told",
    "messages.messages": "whose the emptied message was; what others wrote and named them in",
    "messages.mentions": "of messages that others wrote",
}


class Needles(NamedTuple):
    """What is looked for, by what it is."""

    ids: dict[str, str]
    words: dict[str, str]


async def find_traces(database_url: str, needles: Needles) -> list[tuple[str, str]]:
    """Return tables with what they have, other than ids that may stay there."""
    connection = await asyncpg.connect(database_url)
    try:
        tables = [record[0] for record in await connection.fetch(TABLES)]
        assert set(IDS_STAY) <= set(tables), "a table is allowed that does not exist"
        found = []
        for table in tables:
            for what, needle in (*needles.ids.items(), *needles.words.items()):
                if what in needles.ids and table in IDS_STAY:
                    continue
                if await _holds(connection, table, _spellings(needle)):
                    found.append((table, what))
        return found
    finally:
        await connection.close()


def _spellings(needle: str) -> Iterable[str]:
    """As text, and as PostgreSQL shows bytes that hold it."""
    return [f"%{needle}%", f"%{needle.encode().hex()}%"]


async def _holds(connection: asyncpg.Connection, table: str, patterns: Iterable[str]) -> bool:
    query = f"SELECT EXISTS (SELECT FROM {table} t WHERE t::text ILIKE ANY ($1::text[]))"
    return bool(await connection.fetchval(query, list(patterns)))
