"""Mentions in the source of a message: `<@user_id>`, `<!here>`, `<!room>`."""

import re

from shared.contracts.entities import Mentions

_TOKEN = re.compile(r"<(?:@([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})|!(here|room))>")
NO_MENTIONS = Mentions()


def find_mentions(text: str) -> Mentions:
    """Return whom the text names, each user once, in order of appearance. Linear in the text."""
    if "<" not in text:
        return NO_MENTIONS
    user_ids: dict[str, None] = {}
    words: set[str] = set()
    for user_id, word in _TOKEN.findall(text):
        if user_id:
            user_ids[user_id] = None
        else:
            words.add(word)
    if not user_ids and not words:
        return NO_MENTIONS
    return Mentions(list(user_ids), room="room" in words, here="here" in words)
