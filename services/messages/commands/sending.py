"""Several sends of one caller that come as one request: each goes its own way, the answers go together."""

from services.messages.writer import Job, Writer
from shared.bus import BusRequest, Caller
from shared.contracts import messages
from shared.contracts.messages import SendMessage
from shared.errors import ChatError
from shared.tracing import Span


class _Answers:
    """Gathers the replies; responds when the last one is there."""

    def __init__(self, request: BusRequest, count: int) -> None:
        self._request = request
        self._replies = [b""] * count
        self._missing = count

    @property
    def span(self) -> Span | None:
        return self._request.span

    def note(self, place: int, reply: bytes) -> None:
        self._replies[place] = reply
        self._missing -= 1
        if not self._missing:
            self._request.respond(b"[%b]" % b",".join(self._replies))


class _Part:
    """One of the sends, as a request of its own."""

    __slots__ = ("_answers", "_place", "caller", "payload")

    def __init__(self, answers: _Answers, place: int, caller: Caller, payload: bytes) -> None:
        self._answers = answers
        self._place = place
        self.caller = caller
        self.payload = payload

    @property
    def span(self) -> Span | None:
        return self._answers.span

    def respond(self, reply: bytes) -> None:
        self._answers.note(self._place, reply)


def put_many(writer: Writer, request: BusRequest, asked: list[SendMessage]) -> None:
    """Queue them in their order. What the writer has no room for is refused by itself."""
    answers, caller = _Answers(request, len(asked)), request.caller
    share = request.payload[: len(request.payload) // len(asked)]  # only its size counts
    for place, each in enumerate(asked):
        part = _Part(answers, place, caller, share)
        try:
            writer.put(Job(messages.send.name, part, each))
        except ChatError as refusal:
            part.respond(refusal.encode())
