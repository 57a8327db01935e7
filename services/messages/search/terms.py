"""What is looked for: words in a row, as text for PostgreSQL's tsquery and as marks on a message's text.

Pure. Everything that reaches SQL is quoted here.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from msgspec import Struct

from services.messages.search.markers import markers_of
from services.messages.search.tokens import Token, cut, number_words

MARKS_MAX = 50  # of one term in one text: nobody looks at more, and a reply has room for messages


class Word(Struct, frozen=True):
    """One lexeme of a term, `offset` words after the term's first."""

    lexeme: str
    offset: int
    is_prefix: bool = False

    def matches(self, lexeme: str) -> bool:
        return lexeme.startswith(self.lexeme) if self.is_prefix else lexeme == self.lexeme


class Term(Struct, frozen=True):
    """Words that must stand in a row; one word is the plain case."""

    words: tuple[Word, ...]
    is_excluded: bool = False

    def to_tsquery(self) -> str:
        parts = [quote(self.words[0].lexeme) + ":*" * self.words[0].is_prefix]
        for last, word in zip(self.words, self.words[1:], strict=False):
            parts.append(f"<{word.offset - last.offset}>")
            parts.append(quote(word.lexeme) + ":*" * word.is_prefix)
        return f"{'!' * self.is_excluded}({' '.join(parts)})"


def make_term(text: str, *, is_prefix: bool = False, is_excluded: bool = False) -> Term | None:
    """Return the term for what somebody typed, or None where there is no word in it."""
    tokens = list(cut(text))
    kept = [token for index, token in enumerate(tokens) if not _is_tail(tokens, index)]
    if not kept:
        return None
    first = kept[0].position
    words = [Word(each.lexeme, each.position - first, each.is_half) for each in kept]
    if is_prefix:
        words[-1] = Word(words[-1].lexeme, words[-1].offset, is_prefix=True)
    return Term(tuple(words), is_excluded)


def _is_tail(tokens: Sequence[Token], index: int) -> bool:
    """Whether it is the half pair at the end of a longer run: its character is in the pair before it."""
    token = tokens[index]
    return token.is_half and index > 0 and tokens[index - 1].end == token.end


def quote(lexeme: str) -> str:
    """Return the lexeme as tsvector and tsquery read it, whatever is in it."""
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def to_tsvector(room_id: str, sender_id: str, created_at: datetime, text: str) -> str:
    """Return a message's words with their positions, and its markers, as text."""
    positions: dict[str, list[int]] = {}
    for position, lexeme in number_words(text):
        positions.setdefault(lexeme, []).append(position)
    words = [f"{quote(lexeme)}:{','.join(map(str, found))}" for lexeme, found in positions.items()]
    return " ".join([*words, *(f"'{marker}'" for marker in markers_of(room_id, sender_id, created_at, text))])


def all_of(parts: Iterable[str]) -> str:
    return " & ".join(parts)


def any_of(lexemes: Iterable[str]) -> str:
    return f"({' | '.join(map(quote, lexemes))})"


def mark(text: str, terms: Iterable[Term]) -> list[list[int]]:
    """Return where the terms match: [start, end) in code points, ascending, neither touching nor crossing.

    The first MARKS_MAX of each term.
    """
    tokens = {token.position: token for token in cut(text)}
    found = [
        span for term in terms if not term.is_excluded for span in islice(_spans(tokens, term), MARKS_MAX)
    ]
    merged: list[list[int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([start, end])
    return merged


def matches(text: str, terms: Iterable[Term]) -> bool:
    """Whether a text has every term, and none of the excluded ones: what the index must agree with."""
    tokens = {token.position: token for token in cut(text)}
    return all(term.is_excluded != any(True for _ in _spans(tokens, term)) for term in terms)


def _spans(tokens: dict[int, Token], term: Term) -> Iterator[tuple[int, int]]:
    first = term.words[0]
    for position, token in tokens.items():
        if first.matches(token.lexeme) and (span := _span(tokens, position, term)) is not None:
            yield span


def _span(tokens: dict[int, Token], position: int, term: Term) -> tuple[int, int] | None:
    """Return what the term covers if it begins with the word at this position."""
    end = 0
    for word in term.words:
        token = tokens.get(position + word.offset)
        if token is None or not word.matches(token.lexeme):
            return None
        # Of a pair that was found by its first character, only that one is meant.
        is_half = word.is_prefix and len(word.lexeme) == 1
        end = max(end, token.start + 1 if is_half else token.end)
    return tokens[position].start, end
