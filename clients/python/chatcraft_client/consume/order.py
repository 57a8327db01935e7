"""The order of one room's events for one consumer: what is next, what waits for what is missing. Pure.

Fed by the consumer; knows no NATS, no clock and no handler.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from chatcraft_client.frames import Event


class Place(NamedTuple):
    """How far somebody is in a room; a later place compares greater."""

    epoch: int
    rev: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as the stream brought it. `reply` is where it is acknowledged."""

    subject: str
    payload: bytes
    event: Event
    place: Place
    stream_seq: int
    reply: str


class Verdict(Enum):
    KEPT = "kept"
    REPEATED = "repeated"
    """Already dealt with: to be acknowledged and forgotten."""
    UNDER_WAY = "under way"
    """In somebody's hands: not to be acknowledged yet."""


@dataclass(slots=True)
class RoomOrder:
    """At most one event of a room is out at a time, and the next one only when that is finished."""

    done: Place | None
    """The last place that was dealt with; None: nothing is known of this room."""
    out: Place | None = None
    held: dict[Place, Arrival] = field(default_factory=dict)

    def put(self, arrival: Arrival) -> Verdict:
        """Take in what arrived, in whatever order and however often."""
        place = arrival.place
        if self.done is not None and place <= self.done:
            return Verdict.REPEATED
        if self.out is not None and place <= self.out:
            return Verdict.UNDER_WAY
        known = self.held.get(place)
        if known is not None and known.stream_seq != arrival.stream_seq:
            return Verdict.REPEATED  # the stream has it twice
        self.held[place] = arrival
        return Verdict.KEPT

    def take(self) -> Arrival | None:
        """Hand out the next event, if it is here and nothing is out."""
        if self.out is not None or self.done is None:
            return None
        following = Place(self.done.epoch, self.done.rev + 1)
        if following in self.held:
            self.out = following
            return self.held.pop(following)
        return None

    @property
    def is_waiting(self) -> bool:
        """Whether events are held for something that is not here. Ask after `take`."""
        return bool(self.held) and self.out is None

    @property
    def first(self) -> Place:
        """The first place that is held."""
        return min(self.held)

    def begin(self) -> None:
        """Begin with the first that is held: there is no earlier place to go on from."""
        self.done = Place(self.first.epoch, self.first.rev - 1)

    def skip_to(self, place: Place) -> list[Arrival]:
        """Hand out something that stands for all up to `place`; return the held events that it covers."""
        self.out = place
        return [self.held.pop(each) for each in sorted(self.held) if each <= place]

    def finish(self) -> None:
        """What was out is dealt with."""
        self.done, self.out = self.out, None
