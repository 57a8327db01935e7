"""The directory of public rooms: searched by the beginnings of words, in three orders.

Reads in the order of names until a page is full; for another order all: 10,000 rooms take PostgreSQL 15 ms.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.messages.models import ROOM_COLUMNS, RoomRow, room_row
from services.messages.store.connection import Connection
from shared.contracts.fields import Id
from shared.contracts.rooms import RoomSort

# `found_by` is name and topic in lower case with a mark before each word. The query is marked alike, in
# a subquery so that it is done once: found is what a name begins with, and what any word begins with.
_MARKED = r"(SELECT regexp_replace(lower($1), '(^|\W|_)(?=\w)', '\1' || chr(1), 'g'))"
_FOUND = f"""
SELECT k.key, {ROOM_COLUMNS} FROM (
    SELECT {{key}} AS key, r.id FROM messages.rooms r
    WHERE r.kind = 'public' AND r.archived_at IS NULL AND strpos(r.found_by, {_MARKED}) > 0
      AND ($3::{{type}} IS NULL OR ({{key}}, r.id) {{follows}} ($3, $4::uuid))
    ORDER BY key {{order}}, r.id {{order}} LIMIT $2
) k JOIN messages.rooms r ON r.id = k.id
ORDER BY k.key {{order}}, k.id {{order}}
"""
_BY_SORT: Mapping[RoomSort, str] = {
    "name": _FOUND.format(key='lower(r.name) COLLATE "C"', type="text", follows=">", order="ASC"),
    "members": _FOUND.format(key="r.member_count", type="int", follows="<", order="DESC"),
    "active": _FOUND.format(key="r.active_at", type="timestamptz", follows="<", order="DESC"),
}
SORT_KEYS: Mapping[RoomSort, Any] = {
    "name": tuple[str, Id], "members": tuple[int, Id], "active": tuple[datetime, Id],
}  # fmt: skip
"""The place of a row in each order, as a cursor holds it."""


async def list_public_rooms(
    connection: Connection, query: str, sort: RoomSort, limit: int, after: tuple[Any, str] | None
) -> list[tuple[Any, RoomRow]]:
    """Return open public rooms that the query finds, each with its sort key, after the given place."""
    key, room_id = after or (None, None)
    records = await connection.fetch(_BY_SORT[sort], query, limit, key, room_id)
    return [(record[0], room_row(tuple(record)[1:])) for record in records]
