"""A made-up past to search: rooms, people, and messages in several languages, written by COPY.

How often words occur follows Zipf: the first is in a third of all messages, most are in a few.
"""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID

import asyncpg

from shared.ids import new_id

ROOMS = 10_000
OWN_ROOMS = 1_000
PEOPLE = 5_000
DAYS = 365
_VOCABULARY = 50_000
_SYLLABLES = [a + b for a in "klmnrstvbdfghjp" for b in "aeiou"]
_HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 3_000)]
_CYRILLIC = "абвгдежзиклмнопрстуфхцчшэюя"

# The twentieth word of the list is in about one message of thirty.
_WORDS_PER_MESSAGE = (3, 24)


class Corpus:
    """Draws texts; the same seed draws the same."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.words = [self._spell(number) for number in range(_VOCABULARY)]
        self._weights = list(accumulate(1 / (rank + 8) for rank in range(_VOCABULARY)))
        self._han_weights = list(accumulate(1 / (rank + 8) for rank in range(len(_HAN))))

    def _spell(self, number: int) -> str:
        letters = _CYRILLIC if number % 5 == 4 else None
        if letters:
            return "".join(self.random.choices(letters, k=3 + number % 6))
        return "".join(self.random.choices(_SYLLABLES, k=1 + (number > 20) + number % 3)) + (
            "é" if number % 11 == 10 else ""
        )

    def han(self, count: int) -> str:
        return "".join(self.random.choices(_HAN, cum_weights=self._han_weights, k=count))

    def text(self) -> str:
        kind = self.random.random()
        if kind < 0.1:
            return self.han(self.random.randint(6, 40))
        count = self.random.randint(*_WORDS_PER_MESSAGE)
        words = self.random.choices(self.words, cum_weights=self._weights, k=count)
        if self.random.random() < 0.3:
            words.insert(0, "common")
        if kind > 0.97:
            words.append(f"https://{words[0]}.example/{self.random.randint(1, 99_999)}")
        if kind > 0.99:
            words.append(".".join(str(self.random.randint(1, 254)) for _ in range(4)))
        return " ".join(words)


async def fill(connection: asyncpg.Connection, corpus: Corpus, count: int) -> str:
    """Write rooms, memberships and `count` messages; return the one user who is in OWN_ROOMS rooms."""
    caller = UUID(new_id())
    room_ids = [UUID(new_id()) for _ in range(ROOMS)]
    sizes = [0] * ROOMS
    now = datetime.now(UTC)
    await _copy(
        connection, "messages", "room_id id seq rev sender_id text created_at",
        _make_messages(corpus, count, room_ids, sizes, now),
    )  # fmt: skip
    await _copy(
        connection, "rooms", "id kind name created_by created_at rev last_seq active_at",
        ((room_id, "private", "bench", caller, now, size, size, now)
         for room_id, size in zip(room_ids, sizes, strict=True)),
    )  # fmt: skip
    own = corpus.random.sample(room_ids, OWN_ROOMS)
    await _copy(
        connection, "user_rooms", "user_id room_id user_rev",
        ((caller, room_id, rev) for rev, room_id in enumerate(own, 1)),
    )  # fmt: skip
    await _copy(
        connection, "memberships", "room_id user_id role joined_at rev",
        ((room_id, caller, "member", now, 1) for room_id in own),
    )  # fmt: skip
    return str(caller)


def _make_messages(
    corpus: Corpus, count: int, room_ids: list[UUID], sizes: list[int], now: datetime
) -> Iterator[tuple[Any, ...]]:
    """Yield rows spread over DAYS and over the rooms; `sizes` becomes how many each room has."""
    people = [UUID(new_id()) for _ in range(PEOPLE)]
    draw = corpus.random
    for number in range(count):
        room = draw.randrange(ROOMS)
        sizes[room] += 1
        created_at = now - timedelta(days=DAYS) * (1 - number / count)
        sender_id = people[draw.randrange(PEOPLE)]
        yield (
            room_ids[room], UUID(new_id()), sizes[room], sizes[room], sender_id, corpus.text(), created_at,
        )  # fmt: skip


async def _copy(
    connection: asyncpg.Connection, table: str, columns: str, records: Iterable[tuple[Any, ...]]
) -> None:
    await connection.copy_records_to_table(
        table, schema_name="messages", columns=columns.split(), records=records
    )
