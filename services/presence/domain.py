"""Rules of presence: how a person looks to whom, and when a sweeper may trust what it sees. Pure.

Called by store, commands, announcements and leases. Knows no Redis, no bus, no clock.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from shared.clock import to_wire
from shared.contracts.entities import Presence, PresenceStatus, SeenStatus
from shared.contracts.internal import PresenceKept
from shared.contracts.limits import Limits

USERS_PER_HOLD_MAX = 1_000
"""In one `svc.presence.hold`, both lists together: a script holds up Redis for about 10 ms then."""

PLACES_PER_USER = Limits().connections_per_user
"""Connections of a user over all nodes. Presence counts them because its leases know which nodes live."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of presence; tests take shorter ones."""

    lease_s: float = 10
    """A node that has not renewed for so long is dead. Nodes renew every 3 s: two may be lost."""
    gather_s: float = 1
    """Changes of one person within this time are announced as one."""
    sweep_s: float = 1
    """How often each replica looks for dead nodes: lease + sweep stays below the promised 15 s."""
    gap_s: float = 5
    """Longer without a look at Redis: nodes may have been unable to renew, too."""


@dataclass(frozen=True, slots=True)
class Person:
    """What Redis has of one user. Times in milliseconds of Redis's clock; `told` as of `fingerprint`."""

    user_id: str
    is_connected: bool
    status: PresenceStatus
    text: str
    expires_at_ms: int | None
    active_at_ms: int | None
    told: str

    def at(self, now_ms: int) -> tuple[PresenceStatus, str]:
        """Return status and text, which fall back when their time has passed."""
        if self.expires_at_ms is not None and self.expires_at_ms <= now_ms:
            return "online", ""
        return self.status, self.text


def seen_by_others(person: Person, now_ms: int) -> Presence:
    """How everybody else sees the person: invisible is offline, and since when is not told."""
    status, text = person.at(now_ms)
    if status == "invisible":
        return Presence(person.user_id, "offline", None, None)
    if not person.is_connected:
        return Presence(person.user_id, "offline", None, _to_wire(person.active_at_ms))
    return Presence(person.user_id, status, text or None, _to_wire(person.active_at_ms))


def seen_by_self(person: Person, now_ms: int) -> Presence:
    """How the person sees themselves: as others do, but that invisible is named."""
    status, text = person.at(now_ms)
    if status == "invisible":
        return Presence(person.user_id, "invisible", text or None, _to_wire(person.active_at_ms))
    return seen_by_others(person, now_ms)


def as_set(person: Person) -> Presence:
    """The person's choice, which counts once they are connected."""
    status: SeenStatus = person.status
    return Presence(person.user_id, status, person.text or None, _to_wire(person.active_at_ms))


def as_kept(person: Person, now_ms: int) -> PresenceKept:
    """All that is kept of the person, whatever others are shown."""
    status, text = person.at(now_ms)
    expires_at_ms = person.expires_at_ms if (person.expires_at_ms or 0) > now_ms else None
    return PresenceKept(status, text, _to_wire(expires_at_ms), _to_wire(person.active_at_ms))


def fingerprint(presence: Presence) -> str:
    """What of a presence is worth telling when it differs."""
    return f"{presence.status} {presence.text or ''}"


def is_news(person: Person, presence: Presence) -> bool:
    """Whether others were told something else last; of whom nothing was ever told, they think offline."""
    return fingerprint(presence) != (person.told or "offline ")


def _to_wire(moment_ms: int | None) -> str | None:
    return None if moment_ms is None else to_wire(datetime.fromtimestamp(moment_ms / 1000, UTC))


class View:
    """What one sweeper has seen of Redis without a gap, and so whether a lapsed lease means a dead node.

    While Redis, the bus or this process stood still, nodes that live could not renew either: after
    a gap, or a change of Redis's data under us, they get one lease to come back.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._looked_at_s = float("-inf")
        self._unbroken_since_s: float | None = None
        self.token = ""
        """Names the data that was seen last."""

    def on_look(self, token: str, now_s: float) -> None:
        """Redis answered; `now_s` is a monotonic time from before the question."""
        if (
            self._unbroken_since_s is None
            or token != self.token
            or now_s - self._looked_at_s > self._timing.gap_s
        ):
            self._unbroken_since_s = now_s
        self._looked_at_s = now_s
        self.token = token

    def on_trouble(self) -> None:
        """Something failed: the next look begins anew."""
        self._unbroken_since_s = None

    def is_settled(self, now_s: float) -> bool:
        """Whether the view has been unbroken for one lease."""
        return (
            self._unbroken_since_s is not None
            and now_s - self._looked_at_s <= self._timing.gap_s
            and now_s - self._unbroken_since_s >= self._timing.lease_s
        )
