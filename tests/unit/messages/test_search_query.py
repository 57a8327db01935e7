"""What can be typed: words, phrases, exclusions, filters; and that nothing typed breaks anything."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messages.search.markers import OLDEST, SHIFTS, markers_of, stretch_of
from services.messages.search.pages import Position, read_position, write_position
from services.messages.search.query import TERMS_MAX, read_query
from services.messages.search.scan import to_tsquery
from services.messages.store.search import Place
from shared.contracts.search import SearchMessages
from shared.errors import ChatError
from shared.ids import new_id

ID = new_id()


def spell(q: str, **fields: object) -> list[str]:
    return [term.to_tsquery() for term in read_query(SearchMessages(q, **fields)).terms]


@pytest.mark.parametrize(
    ("q", "terms"),
    [
        ("foo bar", ["('foo')", "('bar')"]),
        ('"foo bar"', ["('foo' <1> 'bar')"]),
        ('"never closed', ["('never' <1> 'closed')"]),
        ("-foo bar", ["!('foo')", "('bar')"]),
        ('-"a b" c', ["!('a' <1> 'b')", "('c')"]),
        ("foo-bar", ["('foo' <1> 'bar')"]),
        ("ind*", ["('ind':*)"]),
        ("10.20*", ["('10' <1> '20':*)"]),
        ("a.b@c.de", ["('a' <1> 'b' <1> 'c' <1> 'de')"]),
        ("#123", ["('123')"]),
        ("東京都", ["('東京' <1> '京都')"]),
        ("東", ["('東':*)"]),
        ('"東京都 x"', ["('東京' <1> '京都' <2> 'x')"]),
        ('"from:x"', ["('from' <1> 'x')"]),
        ("foo *", ["('foo')"]),
        ("- foo", ["('foo')"]),
        ("it's", ["('it' <1> 's')"]),
    ],
)
def test_what_is_typed_becomes_terms(q: str, terms: list[str]):
    assert spell(q) == terms


def test_filters_can_be_typed_or_given():
    other = new_id()
    typed = read_query(
        SearchMessages(f"x from:{ID} in:{other} before:2026-02-01 after:2026-01-01T12:00:00+02:00 has:link")
    )
    given_ = read_query(
        SearchMessages(
            "x",
            room_id=other,
            from_id=ID,
            before="2026-02-01",
            after="2026-01-01T12:00:00+02:00",
            has=["link"],
        )
    )
    assert typed == given_
    assert typed.before == datetime(2026, 2, 1, tzinfo=UTC)
    assert typed.after == datetime(2026, 1, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"q": ""}, "q"),
        ({"q": "?!"}, "q"),
        ({"q": "a*"}, "q"),
        ({"q": "from:ann"}, "q"),
        ({"q": "in:room"}, "q"),
        ({"q": "has:file"}, "q"),
        ({"q": "before:yesterday"}, "q"),
        ({"q": "before:2026-02-30"}, "q"),
        ({"q": f"-from:{ID}"}, "q"),
        ({"q": f"from:{ID} from:{new_id()}"}, "q"),
        ({"q": " ".join(f"w{number}" for number in range(TERMS_MAX + 1))}, "q"),
        ({"q": "x", "before": "2026-02-30"}, "before"),
        ({"q": "x", "after": "2026-01-01T25:00:00Z"}, "after"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_field(fields: dict[str, str], path: str):
    with pytest.raises(ChatError) as caught:
        read_query(SearchMessages(**fields))
    assert caught.value.body.details["fields"][0]["path"] == path


@given(st.text(max_size=80) | st.text("ab*\"-: '\\&|!()<>東/from:has:before:2026", max_size=60))
def test_nothing_typed_does_more_than_be_refused(q: str):
    with suppress(ChatError):
        assert to_tsquery(read_query(SearchMessages(q)), [ID], "/t9.0")


micros = st.integers(int(OLDEST.timestamp() * 1e6), 4_000_000_000_000_000)
moments = micros.map(
    lambda each: datetime.fromtimestamp(each // 1_000_000, UTC) + timedelta(microseconds=each % 1_000_000)
)


@given(moments, st.integers(0, len(SHIFTS) - 1))
def test_a_moment_lies_in_its_stretch_and_what_lies_before_does_not(moment: datetime, level: int):
    stretch = stretch_of(moment, level)
    assert stretch.start <= moment < stretch.start + timedelta(seconds=1 << SHIFTS[level])
    assert stretch.marker in set(markers_of(ID, ID, moment, ""))
    assert stretch_of(stretch.before, level).marker != stretch.marker
    assert stretch_of(stretch.start, level) == stretch


@given(moments, st.floats(-10, 0))
def test_a_cursor_is_read_as_it_was_written(moment: datetime, closeness: float):
    place = Place(moment, ID)
    for position in (
        Position(place),
        Position(place, place, is_last=True, rank=(closeness, -5, ID, ID)),
    ):
        assert read_position(write_position(position)) == position


@pytest.mark.parametrize(
    "cursor", ["x", "bm90aGluZw", write_position(Position(Place(datetime(1999, 1, 1, tzinfo=UTC), ID)))]
)
def test_a_made_up_cursor_is_refused(cursor: str):
    with pytest.raises(ChatError):
        read_position(cursor)
