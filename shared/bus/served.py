"""A request that a service answers, and the way back. The bus makes it of what NATS brought."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.bus.caller import AGENT_HEADER, CALLER_HEADER, Caller, find_header
from shared.bus.fan_in import FanInClient
from shared.telemetry import get_logger
from shared.tracing import Span

log = get_logger(__name__)


class BusRequest:
    """A request as it came in: raw payload, caller, and the way back."""

    __slots__ = ("_client", "_headers", "_reply", "payload")

    def __init__(self, client: FanInClient, reply: bytes, payload: bytes, headers: bytes) -> None:
        self._client = client
        self._reply = reply
        self._headers = headers
        self.payload = payload

    @property
    def caller(self) -> Caller:
        """Who calls. Raises KeyError where no gateway vouched (a call between services)."""
        found = find_header(self._headers, CALLER_HEADER)
        if found is None:
            raise KeyError(CALLER_HEADER)
        return Caller.decode(found)

    @property
    def user_agent(self) -> str:
        return find_header(self._headers, AGENT_HEADER) or ""

    @property
    def span(self) -> Span | None:
        """The span of answering it, where it is of a sampled command."""
        return None

    def respond(self, reply: bytes) -> None:
        """Queue the reply for the next flush; while the link is down it is lost and the caller times out.

        Each request is answered once.
        """
        self._client.owed -= 1
        if not self._client.is_connected:
            log.warning("reply_lost")
        elif self._reply:
            self._client.post(self._reply.decode(), "", reply, b"")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One subject that a service answers. `on_request` only enqueues: it runs in the socket's own read."""

    subject: str
    on_request: Callable[[BusRequest], None]
