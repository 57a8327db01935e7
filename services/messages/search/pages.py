"""The order of hits and the place of a page in it. Pure.

Blocks of hits follow each other from new to old; in a block, hits stand by how well they match.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from services.messages.domain.cursors import decode_cursor, encode_cursor
from services.messages.search.markers import OLDEST
from services.messages.store.search import Match, Place
from shared.contracts.fields import Id
from shared.errors import invalid

_Moment = Annotated[datetime, Meta(tz=True)]
_YEAR_MAX = 9000

# How closely the words stand together (and how often), then the newest; the ids make it an order.
Rank = tuple[float, int, str, str]


class _Key(Struct, array_like=True, frozen=True):
    """A cursor: before `high`; if `low` is given, in the block down to it, and after `rank`."""

    high: tuple[_Moment, Id]
    low: tuple[_Moment, Id] | None = None
    is_last: bool = False
    rank: tuple[float, int, Id, Id] | None = None


class Position(NamedTuple):
    """Where a page begins: at the block before `high`, or within the block from `low` to `high`."""

    high: Place
    low: Place | None = None
    is_last: bool = False
    rank: Rank | None = None


def rank_of(match: Match) -> Rank:
    age = -int(match.place.created_at.timestamp() * 1_000_000)
    return -match.closeness, age, match.place.message_id, match.room_id


def rank_matches(matches: Sequence[Match], after: Rank | None) -> list[Match]:
    """Return the matches best first, without those up to `after`."""
    ranked = sorted((rank_of(match), match) for match in matches)
    return [match for rank, match in ranked if after is None or rank > after]


def write_position(position: Position) -> str:
    return encode_cursor(position)


def read_position(cursor: str) -> Position:
    """Raises `invalid_input` for what `write_position` did not make."""
    key = decode_cursor(cursor, _Key)
    high, low = Place(*key.high), Place(*key.low) if key.low else None
    for place in (high, low):
        if place and not OLDEST.year <= place.created_at.year <= _YEAR_MAX:
            raise invalid("cursor", "is not a cursor that this server gave")
    return Position(high, low, key.is_last, key.rank)
