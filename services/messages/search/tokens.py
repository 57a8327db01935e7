"""Cuts text into words: the one way for what is indexed, what is asked for, and what is marked.

Pure. Offsets are code points of the text as it was written.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

# Written without spaces: cut into pairs of neighbours. Thai … Khmer, Hangul, kana, Han.
_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1100, 0x11FF), (0x1780, 0x17FF), (0x2E80, 0x2FDF),
    (0x3005, 0x3007), (0x3040, 0x30FF), (0x3130, 0x318F), (0x31F0, 0x31FF), (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x3FFFF),
)  # fmt: skip
# Accents, Hebrew and Arabic vowel points, variation selectors: people search without them.
_UNWRITTEN = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\ufe00-\ufe0f]")
_ASCII_WORD = re.compile(r"[a-zA-Z0-9]+")
_WORD, _PAIRED, _SYMBOL, _BETWEEN = "w", "p", "s", " "
_RUN = re.compile(f"{_WORD}+|{_PAIRED}+|{_SYMBOL}")

LEXEME_MAX = 128  # code points; PostgreSQL takes 2,046 bytes, and nobody types more


class Token(NamedTuple):
    """One word. `position` counts words from 1; a neighbour's is one more."""

    lexeme: str
    position: int
    start: int
    end: int
    is_half: bool = False
    """The last character of an unspaced run, or one alone: half of a pair."""


class _Kinds(dict[int, str]):
    """What each character is, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        kind = self[code] = _classify(code)
        return kind


def _classify(code: int) -> str:
    category = unicodedata.category(chr(code))
    if category[0] in "LMN":
        return _PAIRED if any(low <= code <= high for low, high in _UNSPACED) else _WORD
    return _SYMBOL if category == "So" else _BETWEEN


_KINDS = _Kinds()


def cut(text: str) -> Iterator[Token]:
    """Yield the words of a text in order, folded. Everything but letters, digits and symbols divides."""
    if text.isascii():
        for position, match in enumerate(_ASCII_WORD.finditer(text), 1):
            start, end = match.span()
            yield Token(text[start:end].lower()[:LEXEME_MAX], position, start, end)
        return
    position = 1
    for match in _RUN.finditer(text.translate(_KINDS)):
        start, end = match.span()
        if match[0][0] == _PAIRED:
            yield from _pairs(text, position, start, end)
            position += end - start
        elif lexeme := fold(text[start:end]):
            yield Token(lexeme, position, start, end)
            position += 1


def number_words(text: str) -> Iterator[tuple[int, str]]:
    """Yield position and lexeme of what `cut` yields: a third of its time for plain text."""
    if text.isascii():
        for position, word in enumerate(_ASCII_WORD.findall(text.lower()), 1):
            yield position, word[:LEXEME_MAX]
        return
    for token in cut(text):
        yield token.position, token.lexeme


def _pairs(text: str, position: int, start: int, end: int) -> Iterator[Token]:
    for at in range(start, end):
        if lexeme := fold(text[at : min(at + 2, end)]):
            yield Token(lexeme, position + at - start, at, min(at + 2, end), is_half=at + 1 == end)


def fold(word: str) -> str:
    """Return the word without case, accents and compatibility forms."""
    if word.isascii():
        return word.lower()[:LEXEME_MAX]
    word = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", word).casefold())
    return unicodedata.normalize("NFKC", _UNWRITTEN.sub("", word))[:LEXEME_MAX]
