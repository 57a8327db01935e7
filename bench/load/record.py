"""What happened to members who stay, counted from the last `begin`; what was said is kept for good. No I/O.

`member.py` and `members_session.py` write it; a scenario reads it as figures.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

from bench.load.measure import percentile


class Said:
    """A message from its first sending to its ack, over as many sockets as that takes."""

    __slots__ = ("acked_s", "at_s", "by", "id", "is_refused", "room_id")

    def __init__(self, by: Hashable, message_id: str, room_id: str, at_s: float) -> None:
        self.by = by
        self.id = message_id
        self.room_id = room_id
        self.at_s = at_s
        self.acked_s = 0.0
        self.is_refused = False

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to expect."""
        return self.is_refused or bool(self.acked_s)


class Record:
    """Counts, and the moments that matter. Members are whoever hashes."""

    def __init__(self) -> None:
        self.said: dict[str, Said] = {}
        self.acked_by_room: dict[str, list[str]] = {}
        self.tally: dict[str, int] = {}
        """Also written by each follower: doubled, gaps, resets, and how rooms were answered."""
        self.begin()

    def begin(self) -> None:
        """Begin a phase: forget what was counted, not what was said."""
        self.tally.clear()
        self.tally.update(doubled=0, gaps=0, resets=0)
        self.close_codes: Counter[int] = Counter()
        self.failed_attempts: Counter[str] = Counter()
        self.repeated: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.cut: set[Hashable] = set()
        self.not_whole: set[Hashable] = set()
        self.whole_at_s = 0.0
        self._away_s: list[float] = []
        self._acks_s: list[tuple[Hashable, float]] = []
        self._heard_s: list[tuple[Hashable, Hashable, float]] = []

    def on_cut(self, member: Hashable, code: int) -> None:
        """A member that was there has lost its socket."""
        self.close_codes[code] += 1
        self.cut.add(member)
        self.not_whole.add(member)

    def on_back(self, away_s: float) -> None:
        """A member has synced again."""
        self._away_s.append(away_s)

    def on_whole(self, member: Hashable, now_s: float) -> None:
        """A member that is back holds all that was acked until it was."""
        self.not_whole.discard(member)
        self.whole_at_s = now_s

    def on_acked(self, said: Said, now_s: float) -> None:
        """A message is committed; an ack that comes twice counts once."""
        if not said.acked_s:
            said.acked_s = now_s
            self.acked_by_room.setdefault(said.room_id, []).append(said.id)
            self._acks_s.append((said.by, now_s - said.at_s))

    def on_refused(self, said: Said, code: str) -> None:
        """A message was refused for good."""
        said.is_refused = True
        self.refused[code] += 1

    def on_heard(self, member: Hashable, message_id: str, now_s: float) -> None:
        """A message has reached a member for the first time."""
        if said := self.said.get(message_id):
            self._heard_s.append((member, said.by, now_s - said.at_s))

    def list_missing(self, room_ids: Sequence[str], held: set[str]) -> set[str]:
        """Return what was acked in these rooms and is not held."""
        return {
            each for room_id in room_ids for each in self.acked_by_room.get(room_id, ()) if each not in held
        }

    def summarise(self) -> dict[str, Any]:
        """Return the phase so far. Latencies are those of members who were not cut, in both directions."""
        acks = [taken_s for by, taken_s in self._acks_s if by not in self.cut]
        heard = [
            taken_s for member, by, taken_s in self._heard_s if member not in self.cut and by not in self.cut
        ]
        return {
            "cut": len(self.cut),
            "not_whole": len(self.not_whole),
            "whole_at_s": self.whole_at_s,
            "away": _spread_s(self._away_s),
            "close_codes": {str(code): count for code, count in sorted(self.close_codes.items())},
            "failed_attempts": dict(self.failed_attempts),
            "repeated": dict(self.repeated),
            "refused": dict(self.refused),
            "acked": len(self._acks_s),
            "unanswered": sum(not each.is_over for each in self.said.values()),
            "ack": _spread_ms(acks),
            "deliveries": len(self._heard_s),
            "delivery": _spread_ms(heard),
            **self.tally,
        }


def _spread_ms(taken_s: list[float]) -> dict[str, float]:
    if not taken_s:
        return {}
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    return {name: round(percentile(taken_s, share) * 1000, 2) for name, share in shares.items()}


def _spread_s(taken_s: list[float]) -> dict[str, float]:
    if not taken_s:
        return {}
    return {"p50_s": round(percentile(taken_s, 0.5), 2), "max_s": round(max(taken_s), 2)}
