"""The bus of a process that traces: requests of a sampled command carry `traceparent`, and are spans.

In the place of the plain kinds where there is a tracer: one more header costs a fifth of a request.
"""

from collections.abc import Callable

from shared.bus.caller import find_header
from shared.bus.fan_in import FanInClient
from shared.bus.requests import Requests
from shared.bus.served import BusRequest
from shared.tracing import Kind, Span, Tracer, find_current, use

_HEADER = "traceparent"
_EMPTY_BLOCK = b"NATS/1.0\r\n\r\n"
_ERROR = b'{"error":{"code":"'


class TracedRequests(Requests):
    """Tells whoever is asked of the span under which it is asked."""

    def __init__(self, client: FanInClient, tracer: Tracer) -> None:
        super().__init__(client)
        self._tracer = tracer

    async def ask(self, subject: str, payload: bytes, headers: bytes, timeout_s: float) -> bytes:
        """Ask, as a span of its own where the command was sampled."""
        parent = find_current()
        if parent is None:
            return await super().ask(subject, payload, headers, timeout_s)
        told = {"messaging.system": "nats", "messaging.destination.name": subject}
        with self._tracer.span(f"ask {subject}", Kind.CLIENT, parent, told) as span:
            line = f"{_HEADER}: {span.traceparent}\r\n\r\n".encode()
            return await super().ask(subject, payload, (headers or _EMPTY_BLOCK)[:-2] + line, timeout_s)


class TracedRequest(BusRequest):
    """A request with the span of answering it, which ends with the reply."""

    __slots__ = ("_span",)

    def __init__(self, request: BusRequest, span: Span) -> None:
        super().__init__(request._client, request._reply, request.payload, request._headers)  # noqa: SLF001 - a copy of it
        self._span = span

    @property
    def span(self) -> Span:
        return self._span

    def respond(self, reply: bytes) -> None:
        """Reply, and end the span."""
        super().respond(reply)
        if reply.startswith(_ERROR):
            self._span.fail(reply[len(_ERROR) :].partition(b'"')[0].decode())
        self._span.end()


def serve_traced(
    tracer: Tracer, name: str, on_request: Callable[[BusRequest], None]
) -> Callable[[BusRequest], None]:
    """Return `on_request` that takes requests of sampled commands under a span, which their tasks inherit."""

    def on_traced(request: BusRequest) -> None:
        parent = find_header(request._headers, _HEADER)  # noqa: SLF001 - nobody else asks for it
        if parent is None:
            on_request(request)
            return
        span = tracer.begin(name, Kind.SERVER, parent, {"chatcraft.command": name})
        with use(span):
            on_request(TracedRequest(request, span))

    return on_traced
