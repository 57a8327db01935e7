"""A crowd, what makes its server send, and the phases a scenario measures. Runs in a load process."""

from collections.abc import Callable
from typing import TypeVar

from bench.load import dialects
from bench.load.crowd import Crowd
from bench.load.dialects import Opening
from bench.load.plan import Plan
from bench.load.triggers import NatsTrigger, RawTrigger, SocketTrigger, Trigger

Figures = TypeVar("Figures")

_AT_ONCE = 64


class CrowdSession:
    """What a load process can be told: the crowd of a plan, and its trigger."""

    def __init__(self, plan: Plan, control_fd: int) -> None:
        self.crowd = Crowd(plan.server_pid, control_fd)
        self._plan = plan
        self._kept: Trigger | None = None

    def idle(self) -> None:
        """Answer pings until told something."""
        self.crowd.idle()

    def open(self, first: int, count: int) -> float:
        """Open the sockets `first` … `first + count`; returns the seconds it took."""
        openings = [self._opening(index) for index in range(first, first + count)]
        return self.crowd.open((self._plan.host, self._plan.port), openings, _AT_ONCE)

    def learn(self) -> int:
        """Learn the length of an event on the wire."""
        return self._fire(self.crowd.learn)

    def one_by_one(self, seconds: float) -> dict[str, float]:
        """Fire an event when the one before has reached everybody."""
        return self.bursts(seconds, 1, 1)

    def bursts(self, seconds: float, joined: int, in_flight: int) -> dict[str, float]:
        """Keep several bursts of joined events under way."""
        return self._fire(lambda trigger: self.crowd.keep_in_flight(trigger, seconds, joined, in_flight))

    def pace(self, seconds: float, events_per_s: float) -> dict[str, float]:
        """Fire at a rate; returns the latencies."""
        return self._fire(lambda trigger: self.crowd.pace(trigger, seconds, events_per_s))

    def steady(self, seconds: float, events_per_s: float) -> dict[str, float]:
        """Fire at a rate, and count what arrives, of whatever length."""
        return self._fire(lambda trigger: self.crowd.steady(trigger, seconds, events_per_s))

    def _fire(self, phase: Callable[[Trigger], Figures]) -> Figures:
        trigger = self._kept or self._make_trigger()
        try:
            return phase(trigger)
        finally:
            # A peer's server would close a trigger that answers no pings between the phases.
            if isinstance(trigger, SocketTrigger):
                trigger.close()
            else:
                self._kept = trigger

    def _opening(self, index: int) -> Opening:
        plan, host = self._plan, f"{self._plan.host}:{self._plan.port}"
        match plan.kind:
            case "raw":
                return dialects.plain_tcp()
            case "chatcraft":
                first = plan.commands[index] if plan.commands else []
                return dialects.chatcraft(host, plan.tokens[index], [*first, dialects.SYNC])
            case "websocket":
                return dialects.plain_websocket(host, plan.path)
            case "socket_io":
                return dialects.socket_io(host)

    def _make_trigger(self) -> Trigger:
        plan, host = self._plan, f"{self._plan.host}:{self._plan.port}"
        match plan.kind:
            case "raw":
                return RawTrigger(plan.host, plan.port, plan.members)
            case "chatcraft":
                return NatsTrigger(plan.nats_url, plan.rooms)
            case "websocket":
                opening = dialects.plain_websocket(host, plan.trigger_path)
                return SocketTrigger(plan.host, plan.port, opening, plan.members)
            case "socket_io":
                opening = dialects.socket_io(host)
                return SocketTrigger(plan.host, plan.port, opening, plan.members, '42["say",%s]')
