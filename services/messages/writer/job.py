"""One command on its way through the writer."""

from time import monotonic
from typing import Protocol

from services.messages.domain.frames import ok
from shared.bus import Caller
from shared.contracts.errors import ErrorCode
from shared.contracts.messages import EditMessage, MarkRead, OneMessage, SendMessage
from shared.contracts.reactions import OneReaction
from shared.errors import ChatError
from shared.telemetry import command_observer
from shared.tracing import Span

# The service's own, for an erasure: by nobody's right but that of the author, who is no member any more.
ERASE_MESSAGE = "messages.erase"
ERASE_REACTION = "reactions.erase"


class EraseMessage(OneMessage, frozen=True):
    """Empty a message of the caller's, wherever it is."""


class EraseReaction(OneReaction, frozen=True):
    """Take a reaction of the caller's back, wherever it is."""


Asked = SendMessage | EditMessage | OneMessage | OneReaction | MarkRead
"""What the writer carries; the command says what is to be done with it."""


class Request(Protocol):
    """What is used of a `BusRequest`."""

    payload: bytes

    @property
    def caller(self) -> Caller: ...
    @property
    def span(self) -> Span | None: ...
    def respond(self, reply: bytes) -> None: ...


class Job:
    """A command with its way back. Answered exactly once, after the commit."""

    __slots__ = ("_request", "arrived_s", "asked", "command", "misses", "room_id", "size_bytes", "user_id")

    def __init__(self, command: str, request: Request, asked: Asked) -> None:
        self._request = request
        self.command = command
        self.asked = asked
        self.room_id = asked.room_id
        self.user_id = request.caller.user_id
        self.size_bytes = len(request.payload)
        self.arrived_s = monotonic()
        self.misses = 0
        """How many batches found its room held by somebody else."""

    @property
    def span(self) -> Span | None:
        """The span of answering it, where it is sampled. Asked for by a tracer, and to word a failure."""
        return self._request.span

    @property
    def touches_users(self) -> bool:
        """Whether it may lock rows of users, which transactions in other rooms lock too."""
        asked = self.asked
        return isinstance(asked, MarkRead) or (isinstance(asked, SendMessage) and asked.thread_id is not None)

    def answer(self, reply: bytes | ChatError) -> None:
        """Send the encoded result, or the refusal."""
        outcome: ErrorCode | str = "ok"
        if isinstance(reply, ChatError):
            outcome, encoded = reply.code, reply.encode()
        else:
            encoded = ok(reply)
        command_observer(self.command, outcome)(monotonic() - self.arrived_s)
        self._request.respond(encoded)
