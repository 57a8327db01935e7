"""Cuts texts that are longer than a message may be. Pure."""

import re

import msgspec

from shared.contracts.fields import MessageText
from shared.contracts.limits import MESSAGE_TEXT_MAX

_FENCE = "```"
_FENCE_ROOM = len(f"{_FENCE}\n") * 2
_PLACES = ("\n", " ")
_SEARCHED = 2_000  # a better place is looked for so far back
_TOKEN_START = re.compile(r"<[@!][^>]{0,40}\Z")


def is_message_text(text: str) -> bool:
    """Whether a message may have this text."""
    try:
        msgspec.convert(text, MessageText)
    except msgspec.ValidationError:
        return False
    return True


def split(text: str) -> list[str]:
    """Return a cleaned text in parts that are messages each; none if nothing in it is visible."""
    if len(text) <= MESSAGE_TEXT_MAX and text[:1].isascii() and text[:1].isalnum():
        return [text]  # as most are
    parts: list[str] = []
    rest = text
    while len(rest) > MESSAGE_TEXT_MAX:
        end, start = _find_cut(rest, MESSAGE_TEXT_MAX - _FENCE_ROOM)
        part, rest = rest[:end], rest[start:]
        if part.count(_FENCE) % 2:
            part, rest = f"{part}\n{_FENCE}", f"{_FENCE}\n{rest}"
        parts.append(part)
    return [part for part in (*parts, rest) if is_message_text(part)]


def _find_cut(text: str, limit: int) -> tuple[int, int]:
    """Return where a part ends and where the next one starts."""
    for place in _PLACES:
        at = text.rfind(place, limit - _SEARCHED, limit)
        if at > 0:
            return at, at + 1
    token = _TOKEN_START.search(text, limit - 50, limit)
    at = token.start() if token else limit
    return at, at
