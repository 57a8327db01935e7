"""Finds a block of hits: goes back in time, step by step, until there are enough or it has taken long enough.

A word that every third message has must not be looked up in all of them, and a rare one not in many steps.
"""

from collections.abc import Sequence
from datetime import datetime
from time import perf_counter
from typing import NamedTuple

from services.messages.search.markers import (
    HAS_LINK,
    OLDEST,
    SHIFTS,
    room_marker,
    sender_marker,
    stretch_of,
)
from services.messages.search.query import Query
from services.messages.search.terms import all_of, any_of, quote
from services.messages.store.connection import Connection
from services.messages.store.search import Filters, Match, Place, list_matches

# The newest so many, or as many as a page holds, are ranked among each other; older ones come after them.
BLOCK_HITS = 50
BLOCK_HITS_MAX = 100
# Few rooms are asked of the index; of many, each match is held against the set.
NAMED_ROOMS_MAX = 24

FIRST_ID = "00000000-0000-0000-0000-000000000000"
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"

# A statement that finds nothing takes about 1 ms. By what one takes, the next step is 64 times as long,
# 8 times, or as long again.
_QUICK_S = 0.0015
_EASY_S = 0.004
_PREFIX_LEVEL = 3  # each statement gathers all words with a prefix: fewer statements
_ENOUGH_S = 0.02  # with something to show
_AT_MOST_S = 0.04  # with nothing to show: the caller goes on from there


class Block(NamedTuple):
    """All that matches from `low` to before `high`, newest first. `is_last`: nothing older can match."""

    matches: list[Match]
    low: Place
    is_last: bool


async def find_block(  # noqa: PLR0917 - what, for whom, and from where
    connection: Connection,
    query: Query,
    user_id: str,
    room_ids: Sequence[str],
    high: Place,
    wanted: int = BLOCK_HITS,
) -> Block:
    """Return the newest matches before `high`: at most `wanted`, by a few statements.

    `room_ids` are all the user's rooms, or empty if those are many.
    """
    oldest = max(query.after or OLDEST, OLDEST)
    level = _PREFIX_LEVEL if query.has_prefix else 0
    begun_s = started_s = perf_counter()
    found: list[Match] = []
    place = high
    while place.created_at >= oldest:
        stretch = stretch_of(place.created_at, level)
        low = Place(max(stretch.start, oldest), FIRST_ID)
        tsquery = to_tsquery(query, room_ids, stretch.marker)
        found += await _match(connection, query, user_id, tsquery, place, low, wanted - len(found))
        now_s = perf_counter()
        if len(found) == wanted:
            return Block(found, found[-1].place, is_last=False)
        gone_back_s = (high.created_at - low.created_at).total_seconds()
        place = Place(stretch.before, LAST_ID)
        if now_s - begun_s > (_ENOUGH_S if found else _AT_MOST_S):
            return Block(found, low, is_last=low.created_at <= oldest)
        level = _next_level(level, now_s - started_s)
        if found:  # no further than the rest is likely to lie
            level = min(level, _level_of(gone_back_s * (wanted - len(found)) / len(found)))
        started_s = now_s
    return Block(found, Place(oldest, FIRST_ID), is_last=True)


async def load_block(  # noqa: PLR0917 - as above, between two places
    connection: Connection, query: Query, user_id: str, room_ids: Sequence[str], high: Place, low: Place
) -> list[Match]:
    """Return again what `find_block` found between these two places, as far as it still matches."""
    markers = _covering(high.created_at, low.created_at)
    tsquery = to_tsquery(query, room_ids, *markers)
    return await _match(connection, query, user_id, tsquery, high, low, BLOCK_HITS_MAX)


def to_tsquery(query: Query, room_ids: Sequence[str], *markers: str) -> str:
    """Return what the index is asked: all the words and what the markers tell."""
    parts = [any_of(markers)] if markers else []
    if query.room_id is not None:
        parts.append(quote(room_marker(query.room_id)))
    elif room_ids:
        parts.append(any_of(room_marker(room_id) for room_id in room_ids))
    if query.sender_id is not None:
        parts.append(quote(sender_marker(query.sender_id)))
    if "link" in query.features:
        parts.append(quote(HAS_LINK))
    parts += [term.to_tsquery() for term in query.terms]
    return all_of(parts)


async def _match(  # noqa: PLR0917 - the two ends of a stretch, and who asks for what
    connection: Connection, query: Query, user_id: str, tsquery: str, high: Place, low: Place, limit: int
) -> list[Match]:
    features = query.features
    filters = Filters(
        user_id,
        query.room_id,
        query.sender_id,
        "reaction" in features,
        "pin" in features,
        "thread" in features,
    )
    words = all_of(term.to_tsquery() for term in query.terms if not term.is_excluded)
    return await list_matches(connection, tsquery, high, low, filters, words, limit)


def _next_level(level: int, taken_s: float) -> int:
    growth = 2 if taken_s < _QUICK_S else 1 if taken_s < _EASY_S else 0
    return min(level + growth, len(SHIFTS) - 1)


def _level_of(length_s: float) -> int:
    return next((level for level, shift in enumerate(SHIFTS) if 1 << shift >= length_s), len(SHIFTS) - 1)


def _covering(high: datetime, low: datetime) -> tuple[str, ...]:
    """Return the one or two neighbouring stretches, as short as may be, that hold both; or none."""
    for level in range(len(SHIFTS)):
        upper, lower = stretch_of(high, level), stretch_of(low, level)
        if upper == lower or stretch_of(upper.before, level) == lower:
            return (upper.marker, lower.marker)
    return ()
