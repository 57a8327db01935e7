"""The ring of a room: the last payloads delivered on this node, an unbroken range of revs.

Answers small catch-ups without the store. Bounded per room, and in bytes for the whole node.
"""

from collections import deque
from dataclasses import dataclass

from shared.contracts.limits import SYNC_MAX_REVS_BEHIND

_ROOM_BYTES_MAX = 512 * 1024


@dataclass(slots=True)
class RingBudget:
    """What all rings of the node may hold together, in bytes."""

    max_bytes: int = 64 * 1024 * 1024
    used_bytes: int = 0


class Ring:
    """Entries `(after_rev, rev, payload)`: an event, or a `room.changes` over several revs."""

    __slots__ = ("_budget", "_bytes", "_entries")

    def __init__(self, budget: RingBudget) -> None:
        self._budget = budget
        self._entries: deque[tuple[int, int, bytes]] = deque()
        self._bytes = 0

    def append(self, after_rev: int, rev: int, payload: bytes) -> None:
        """Add the next entry; forgets old ones as the bounds ask. A break in the range clears all."""
        if self._entries and self._entries[-1][1] != after_rev:
            self.clear()
        self._entries.append((after_rev, rev, payload))
        self._count(len(payload))
        while self._entries and self._is_over(rev):
            _, _, old = self._entries.popleft()
            self._count(-len(old))

    def list_all(self) -> list[bytes]:
        """Return all payloads held, in order."""
        return [payload for _, _, payload in self._entries]

    def find_after(self, rev: int) -> list[bytes] | None:
        """Return the payloads that lead from `rev` to the newest, in order; None if the range is short.

        A `room.changes` that began before `rev` may come first: it covers more, never less.
        """
        if not self._entries or self._entries[0][0] > rev:
            return None
        return [payload for _, to_rev, payload in self._entries if to_rev > rev]

    def find_between(self, after_rev: int, rev: int) -> list[bytes] | None:
        """Return the payloads that lead from `after_rev` exactly to `rev`, in order; None if none do.

        The first may begin earlier: it covers more, never less.
        """
        if after_rev == rev:
            return []
        found = [entry for entry in self._entries if after_rev < entry[1] and entry[0] < rev]
        if not found or found[0][0] > after_rev or found[-1][1] != rev:
            return None
        return [payload for _, _, payload in found]

    def covers(self, rev: int) -> bool:
        """Whether what was delivered at `rev` is still held."""
        return any(after_rev < rev <= to_rev for after_rev, to_rev, _ in self._entries)

    def extend_back(self, after_rev: int, rev: int, newest_rev: int, payload: bytes) -> None:
        """Put a `room.changes` from `after_rev` to `rev` before what is held, if the range stays unbroken."""
        while self._entries and self._entries[0][1] <= rev:
            self._count(-len(self._entries.popleft()[2]))
        begins_at = self._entries[0][0] if self._entries else newest_rev
        if begins_at == rev:
            self._entries.appendleft((after_rev, rev, payload))
            self._count(len(payload))
        elif not self._entries:
            self.clear()

    def clear(self) -> None:
        self._count(-self._bytes)
        self._entries.clear()

    def _is_over(self, newest_rev: int) -> bool:
        return (
            self._bytes > _ROOM_BYTES_MAX
            or self._budget.used_bytes > self._budget.max_bytes
            or newest_rev - self._entries[0][0] > SYNC_MAX_REVS_BEHIND
        )

    def _count(self, added_bytes: int) -> None:
        self._bytes += added_bytes
        self._budget.used_bytes += added_bytes
