"""Finding messages: reads what is asked for, finds a block of hits, and answers with a page of it, marked."""

from typing import TypeVar

import msgspec

from services.messages.domain.pages import fit
from services.messages.search.pages import Position, rank_matches, rank_of, read_position, write_position
from services.messages.search.query import Query, read_query
from services.messages.search.scan import (
    BLOCK_HITS,
    FIRST_ID,
    LAST_ID,
    NAMED_ROOMS_MAX,
    Block,
    find_block,
    load_block,
)
from services.messages.search.terms import mark
from services.messages.store.connection import Connection
from services.messages.store.rooms import get_member_view
from services.messages.store.search import Match, Place, get_scope, list_shown
from services.messages.store.transaction import Database
from shared.bus import Caller
from shared.contracts.entities import Message
from shared.contracts.limits import REPLY_MAX_BYTES
from shared.contracts.search import Hit, Hits, SearchMessages

# Room for what stands around the hits of a reply.
_HITS_MAX_BYTES = REPLY_MAX_BYTES - 4_096

Shown = TypeVar("Shown", Message, Hit)


class SearchCommands:
    """The handler; it reads one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def search(self, caller: Caller, asked: SearchMessages) -> Hits:
        query = read_query(asked)
        position = read_position(asked.cursor) if asked.cursor else None
        async with self._database.reading() as connection:
            if query.room_id is not None:
                await get_member_view(connection, query.room_id, caller.user_id)
            now, room_ids = await get_scope(connection, caller.user_id, NAMED_ROOMS_MAX + 1)
            if not room_ids:
                return Hits([], None)
            named = room_ids if len(room_ids) <= NAMED_ROOMS_MAX else []
            start = position or _newest(query, Place(now, LAST_ID))
            wanted = max(asked.limit, BLOCK_HITS)
            position, ranked = await _find_ranked(connection, query, caller.user_id, named, start, wanted)
            page = ranked[: asked.limit]
            rows = await list_shown(connection, page)
        messages = [row.to_wire() for row in rows]
        # Once before marking, which reads every text, and once with the marks.
        hits = [Hit(each, mark(each.text, query.terms)) for each in _fitting(messages)]
        hits = _fitting(hits)
        return Hits(hits, _next_cursor(position, ranked, page[: len(hits)]))


def _fitting(shown: list[Shown]) -> list[Shown]:
    """Return as many as a reply may hold: always the first."""
    return shown[fit([len(msgspec.json.encode(each)) + 1 for each in shown], _HITS_MAX_BYTES, 0)]


def _newest(query: Query, now: Place) -> Position:
    return Position(min(now, Place(query.before, FIRST_ID)) if query.before else now)


async def _find_ranked(  # noqa: PLR0917 - what, for whom, from where, and how many
    connection: Connection, query: Query, user_id: str, room_ids: list[str], position: Position, wanted: int
) -> tuple[Position, list[Match]]:
    """Return what is left of the position's block, best first, and the position with that block's end."""
    if position.low is not None:
        matches = await load_block(connection, query, user_id, room_ids, position.high, position.low)
        ranked = rank_matches(matches, position.rank)
        if ranked or position.is_last:
            return position, ranked
        position = Position(position.low)  # the rest of that block has been deleted meanwhile
    block: Block = await find_block(connection, query, user_id, room_ids, position.high, wanted)
    return Position(position.high, block.low, block.is_last), rank_matches(block.matches, None)


def _next_cursor(position: Position, ranked: list[Match], shown: list[Match]) -> str | None:
    if len(shown) < len(ranked):
        return write_position(position._replace(rank=rank_of(shown[-1])))
    if position.is_last or position.low is None:
        return None
    return write_position(Position(position.low))
