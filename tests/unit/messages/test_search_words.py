"""How text is cut into words, what typed words look for, and that marks lie on what matched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messages.search.terms import Term, make_term, mark, matches, quote, to_tsvector
from services.messages.search.tokens import cut, fold, number_words
from shared.clock import SystemClock
from shared.ids import new_id


def lexemes(text: str) -> list[str]:
    return [token.lexeme for token in cut(text)]


def term(text: str, *, is_prefix: bool = False, is_excluded: bool = False) -> Term:
    made = make_term(text, is_prefix=is_prefix, is_excluded=is_excluded)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world!", ["hello", "world"]),
        ("10.20.30.40", ["10", "20", "30", "40"]),
        ("foo_bar a.b@c.de #123", ["foo", "bar", "a", "b", "c", "de", "123"]),
        ("https://x.y/z?q=1", ["https", "x", "y", "z", "q", "1"]),
        ("Straße ÉCOLE e\u0301cole İstanbul", ["strasse", "ecole", "ecole", "istanbul"]),
        ("\ufb01n \uff21\uff22\uff23", ["fin", "abc"]),
        ("Привет мир", ["привет", "мир"]),
        ("हिन्दी", ["हिन्दी"]),
        ("東京都", ["東京", "京都", "都"]),
        ("東 京", ["東", "京"]),
        ("Python入門", ["python", "入門", "門"]),
        ("한국어", ["한국", "국어", "어"]),
        ("party 🎉", ["party", "🎉"]),
        ("\N{VARIATION SELECTOR-16}", []),
        ("... --- !!!", []),
        ("", []),
    ],
)
def test_text_is_cut_into_folded_words(text: str, words: list[str]):
    assert lexemes(text) == words


@pytest.mark.parametrize(
    ("asked", "text", "found"),
    [
        ("world", "Hello World, world", ["World", "world"]),
        ("10.20.30.40", "at 10.20.30.40:80", ["10.20.30.40"]),
        ("20.30", "at 10.20.30.40", ["20.30"]),
        ("foo_bar", "call foo_bar()", ["foo_bar"]),
        ("foo_bar", "foo and bar", []),
        ("good morning", "good morning, good day", ["good morning"]),
        ("cafe", "le Café", ["Café"]),
        ("京都", "東京都と京都", ["京都", "京都"]),
        ("東京都", "東京都庁", ["東京都"]),
        ("都", "京都から", ["都"]),
        ("東", "東京", ["東"]),
        ("東京 tower", "東京tower", ["東京tower"]),
        ("東京都 tower", "東京都 tower", ["東京都 tower"]),
        ("東京都 tower", "東京都庁 tower", []),
    ],
)
def test_marks_lie_on_what_was_asked_for(asked: str, text: str, found: list[str]):
    assert [text[start:end] for start, end in mark(text, [term(asked)])] == found


def test_a_prefix_marks_the_whole_word():
    text = "Reindexing the index, Indices"
    assert [text[start:end] for start, end in mark(text, [term("ind", is_prefix=True)])] == [
        "index",
        "Indices",
    ]


def test_marks_that_touch_become_one_and_excluded_words_have_none():
    text = "foobar foo"
    terms = [term("foo bar", is_excluded=True), term("foobar"), term("foobar foo")]
    assert mark(text, terms) == [[0, 10]]


def test_a_word_that_was_not_typed_is_no_term():
    assert make_term("?!") is None


texts = st.text(max_size=60) | st.text("ab1_.東京é\u0301 '\\:&|!()<>*\"/", max_size=40)


@given(texts)
def test_words_lie_in_the_text_in_order_and_apart_from_their_neighbours(text: str):
    last = 0
    for token in cut(text):
        assert 0 <= token.start < token.end <= len(text)
        assert token.start >= last
        assert token.lexeme
        assert not token.lexeme.startswith("/")
        last = token.start


@given(texts)
def test_words_are_numbered_for_the_index_as_they_are_cut_for_marks(text: str):
    assert list(number_words(text)) == [(token.position, token.lexeme) for token in cut(text)]


@given(texts, texts)
def test_marks_are_ranges_of_the_text_ascending_and_apart(text: str, asked: str):
    made = make_term(asked)
    marks = mark(text, [made] if made else [])
    edges = [edge for each in marks for edge in each]
    assert edges == sorted(set(edges))
    assert not edges or (edges[0] >= 0 and edges[-1] <= len(text))
    assert bool(marks) == bool(made and matches(text, [made]))


@given(texts)
def test_every_text_is_found_by_itself(text: str):
    made = make_term(text)
    if made is not None:
        assert mark(text, [made])


@given(st.text(max_size=30))
def test_folding_twice_is_folding_once(word: str):
    assert fold(fold(word)) == fold(word)


@given(texts)
def test_what_is_quoted_has_no_way_out(text: str):
    inner = quote(text)[1:-1].replace("\\\\", "").replace("''", "")
    assert "'" not in inner
    assert "\\" not in inner


def test_a_long_text_is_written_with_every_word_once():
    text = "ab " * 5_000
    written = to_tsvector(new_id(), new_id(), SystemClock().now(), text)
    assert written.count("'ab'") == 1
