"""A made-up past to search: rooms, people, and messages in several languages, written by COPY.

How often words occur follows Zipf: the first is in a third of all messages, most are in a few.
"""

import random
from collections.abc import Iterator
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
    caller = new_id()
    room_ids = [new_id() for _ in range(ROOMS)]
    people = [UUID(new_id()) for _ in range(PEOPLE)]
    now = datetime.now(UTC)
    sizes = [0] * ROOMS
    chosen = corpus.random.choices(range(ROOMS), k=count)

    def messages() -> Iterator[tuple[Any, ...]]:
        for number, room in enumerate(chosen):
            sizes[room] += 1
            created_at = now - timedelta(days=DAYS) * (1 - number / count)
            yield (
                UUID(room_ids[room]), UUID(new_id()), sizes[room], sizes[room],
                people[corpus.random.randrange(PEOPLE)], corpus.text(), created_at,
            )  # fmt: skip

    await connection.copy_records_to_table(
        "messages", schema_name="messages", records=messages(),
        columns=["room_id", "id", "seq", "rev", "sender_id", "text", "created_at"],
    )  # fmt: skip
    rooms = [
        (UUID(room_id), "private", "bench", people[0], now, size, size, now)
        for room_id, size in zip(room_ids, sizes, strict=True)
    ]
    await connection.copy_records_to_table(
        "rooms", schema_name="messages", records=rooms,
        columns=["id", "kind", "name", "created_by", "created_at", "rev", "last_seq", "active_at"],
    )  # fmt: skip
    own = corpus.random.sample(room_ids, OWN_ROOMS)
    await connection.copy_records_to_table(
        "user_rooms", schema_name="messages", columns=["user_id", "room_id", "user_rev"],
        records=[(UUID(caller), UUID(room_id), rev) for rev, room_id in enumerate(own, 1)],
    )  # fmt: skip
    await connection.copy_records_to_table(
        "memberships", schema_name="messages",
        columns=["room_id", "user_id", "role", "joined_at", "rev"],
        records=[(UUID(room_id), UUID(caller), "member", now, 1) for room_id in own],
    )  # fmt: skip
    return caller
