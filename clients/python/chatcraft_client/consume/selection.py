"""Which of the feed's events a consumer wants, and which it must read to know their order. Pure."""

import re
from dataclasses import dataclass
from uuid import UUID

from shared.contracts.feed import ROOM_EVENTS

_PREFIX = ROOM_EVENTS.split(".")[:2]
_DURABLE = re.compile(r"[A-Za-z0-9_-]{1,48}")


@dataclass(frozen=True, slots=True)
class Share:
    """The part `index` of `count` of all rooms, the same rooms always."""

    index: int
    count: int

    def has(self, room_id: str) -> bool:
        """Whether a room is in this part. The low bits of every kind of room id are evenly spread."""
        return UUID(room_id).int % self.count == self.index


def name_durable(durable: str, share: Share | None) -> str:
    """Return the durable's name on the bus, one per share. Raises ValueError for other names."""
    if not _DURABLE.fullmatch(durable):
        raise ValueError("a durable's name is 1 to 48 of A-Z a-z 0-9 _ -")
    if share is None:
        return durable
    if not 0 <= share.index < share.count:
        raise ValueError(f"there is no share {share.index} of {share.count}")
    return f"{durable}-{share.index}-of-{share.count}"


def widen(subjects: list[str]) -> list[str]:
    """Return what to read so that each wanted room is read whole: only whole rooms have dense revs."""
    rooms: set[str] = set()
    for subject in subjects:
        tokens = subject.split(".")
        if tokens[:2] != _PREFIX or len(tokens) < len(_PREFIX) + 1 or "" in tokens:
            raise ValueError(f"{subject!r} is not below {ROOM_EVENTS}")
        rooms.add(tokens[2])
    if rooms & {"*", ">"}:
        return [ROOM_EVENTS]
    return sorted(".".join([*_PREFIX, room, ">"]) for room in rooms)


def is_match(pattern: str, subject: str) -> bool:
    """Whether a subject matches a NATS pattern with `*` and `>`."""
    wanted, given = pattern.split("."), subject.split(".")
    for index, part in enumerate(wanted):
        if part == ">":
            return len(given) > index
        if index >= len(given) or part not in ("*", given[index]):
            return False
    return len(wanted) == len(given)
