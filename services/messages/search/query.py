"""What a caller asks for: the words and filters typed in `q`, joined with the filters given as fields.

Pure. Raises `invalid_input` that names the field, whatever is typed.
"""

import re
from datetime import UTC, datetime
from typing import TypeVar, get_args

from msgspec import Struct

from services.messages.search.terms import Term, make_term
from shared.clock import from_wire
from shared.contracts.search import Feature, SearchMessages
from shared.errors import invalid
from shared.ids import is_id

Value = TypeVar("Value")

TERMS_MAX = 20
# `a*` is a large part of all words; nobody looks for that, and it costs as much as it finds.
PREFIX_MIN = 2
FEATURES: tuple[str, ...] = get_args(Feature)

_PART = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
_FILTER = re.compile(r"(?P<name>from|in|before|after|has):(?P<value>.*)", re.DOTALL)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d))?")
_DAY = len("2026-01-31")


class Query(Struct):
    """All of it must hold. Times: `after` <= created_at < `before`."""

    terms: list[Term]
    room_id: str | None
    sender_id: str | None
    before: datetime | None
    after: datetime | None
    features: set[str]

    @property
    def has_prefix(self) -> bool:
        return any(word.is_prefix for term in self.terms for word in term.words)


def read_query(asked: SearchMessages) -> Query:
    """Return what is asked for. Raises `invalid_input`."""
    query = Query(
        [], asked.room_id, asked.from_id, _read_moment("before", asked.before),
        _read_moment("after", asked.after), set(asked.has),
    )  # fmt: skip
    for match in _PART.finditer(asked.q):
        _read_part(query, match)
    if len(query.terms) > TERMS_MAX:
        raise invalid("q", f"has more than {TERMS_MAX} words and phrases")
    if not _asks_for_something(query):
        raise invalid("q", "must have a word, or a filter must be given")
    return query


def _asks_for_something(query: Query) -> bool:
    return bool(query.terms or query.features or query.room_id or query.sender_id) or (
        query.before is not None or query.after is not None
    )


def _read_part(query: Query, match: re.Match[str]) -> None:
    is_excluded = bool(match["minus"])
    word = match["word"]
    if word is None:
        term = make_term(match["phrase"], is_excluded=is_excluded)
    elif typed := _FILTER.fullmatch(word):
        if is_excluded:
            raise invalid("q", f"{typed['name']}: cannot be excluded")
        _read_filter(query, typed["name"], typed["value"])
        return
    else:
        term = _make_word(word, is_excluded=is_excluded)
    if term is not None:
        query.terms.append(term)


def _make_word(word: str, *, is_excluded: bool) -> Term | None:
    stem = word.rstrip("*")
    is_prefix = stem != word and stem[-1:].isalnum()
    term = make_term(stem, is_prefix=is_prefix, is_excluded=is_excluded)
    if term and is_prefix and len(term.words) == 1 and stem.isascii() and len(stem) < PREFIX_MIN:
        raise invalid("q", f"{word[:PREFIX_MIN]}: a prefix needs {PREFIX_MIN} characters")
    return term


def _read_filter(query: Query, name: str, value: str) -> None:
    match name:
        case "from":
            query.sender_id = _once(name, query.sender_id, _read_id(name, value))
        case "in":
            query.room_id = _once(name, query.room_id, _read_id(name, value))
        case "has":
            if value not in FEATURES:
                raise invalid("q", f"has: takes one of {', '.join(FEATURES)}")
            query.features.add(value)
        case _:
            if not _MOMENT.fullmatch(value):
                raise invalid("q", f"{name}: takes a day such as 2026-01-31, or an RFC 3339 time")
            moment = _read_moment("q", value)
            if name == "before":
                query.before = _once(name, query.before, moment)
            else:
                query.after = _once(name, query.after, moment)


def _read_id(name: str, value: str) -> str:
    if not is_id(value):
        raise invalid("q", f"{name}: takes the id of a {'user' if name == 'from' else 'room'}")
    return value


def _once(name: str, known: Value | None, value: Value) -> Value:
    if known is not None and known != value:
        raise invalid("q", f"{name}: is given twice")
    return value


def _read_moment(path: str, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).replace(tzinfo=UTC) if len(value) == _DAY else from_wire(value)
    except (ValueError, OverflowError) as exc:
        raise invalid(path, "is no day or time of the calendar") from exc
