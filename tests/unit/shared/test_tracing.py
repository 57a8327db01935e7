"""Which traces are believed, what a request carries of one, and that nobody pays who does not trace."""

import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from structlog.contextvars import get_contextvars

from shared.bus import BusRequest
from shared.bus.requests import Requests
from shared.bus.traced import TracedRequests, serve_traced
from shared.tracing import Kind, find_current, find_trace_id, is_sampled, use
from shared.tracing.otel import OtelTracer

TRACE, SPAN = "a" * 32, "b" * 16
SERVICES = ("auth.app", "gateway.app", "messages.app", "presence.app")


@pytest.fixture
def tracer() -> OtelTracer:
    return OtelTracer(TracerProvider(shutdown_on_exit=False))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-ff", True),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}-01-more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}-01\r\nX: y", None),
        ("", None),
    ],
)
def test_only_what_w3c_trace_context_defines_says_whether_to_sample(given, said):
    assert is_sampled(given) is said


def test_a_span_goes_on_with_the_trace_of_another_process(tracer):
    span = tracer.begin("name", Kind.SERVER, f"00-{TRACE}-{SPAN}-01")
    assert span.trace_id == TRACE
    assert f"{span.otel.parent.span_id:016x}" == SPAN
    child = tracer.begin("child", Kind.CLIENT, span)
    assert (child.trace_id, child.otel.parent.span_id) == (TRACE, span.otel.get_span_context().span_id)
    assert tracer.begin("other", Kind.SERVER, None).trace_id != TRACE


def test_log_lines_name_the_trace_as_long_as_its_span_is_the_current_one(tracer):
    with tracer.span("name", Kind.SERVER, None) as span:
        assert find_current() is span
        assert find_trace_id() == get_contextvars()["trace_id"] == span.trace_id
        with use(None):
            assert find_current() is span
    assert find_current() is find_trace_id() is get_contextvars().get("trace_id") is None


def test_what_is_raised_marks_the_span_and_is_raised_on(tracer):
    with pytest.raises(ValueError, match="why"), tracer.span("name", Kind.SERVER, None) as span:
        raise ValueError("why")
    assert span.otel.attributes["error.type"] == "ValueError"
    assert not span.otel.events, "the text of an exception may hold what people wrote"
    assert span.otel.end_time is not None


class FakeClient:
    """Keeps what is sent, and answers."""

    is_connected = True
    owed = 0

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.requests: Requests

    def post(self, subject: str, reply: str, payload: bytes, headers: bytes) -> None:
        self.sent.append((subject, payload, headers))
        if reply:
            self.requests._on_reply(reply.encode(), b'{"ok":{}}', b"")


async def ask(tracer: OtelTracer, headers: bytes) -> bytes:
    client = FakeClient()
    client.requests = TracedRequests(client, tracer)  # type: ignore[arg-type]  # only what is used of a client
    assert await client.requests.ask("rpc.a.b", b"{}", headers, 5) == b'{"ok":{}}'
    [(_, _, sent)] = client.sent
    return bytes(sent)


@pytest.mark.parametrize("headers", [b"", b"NATS/1.0\r\nC: a b c d\r\n\r\n"])
async def test_a_request_carries_the_trace_only_when_its_command_was_sampled(tracer, headers):
    assert await ask(tracer, headers) == headers
    with tracer.span("name", Kind.SERVER, None) as span:
        sent = await ask(tracer, headers)
    assert sent.startswith((headers or b"NATS/1.0\r\n\r\n")[:-2])
    assert sent.count(b"\r\n\r\n") == 1
    assert sent.endswith(b"-01\r\n\r\n")
    assert f"traceparent: 00-{span.trace_id}-".encode() in sent
    assert span.traceparent.encode() not in sent, "the request is a span of its own"


def test_a_request_is_answered_under_the_span_that_it_names_and_others_under_none(tracer):
    seen = []

    def on_request(request: BusRequest) -> None:
        seen.append((request.span, find_current(), find_trace_id()))
        request.respond(b'{"error":{"code":"not_found"}}')

    client: Any = FakeClient()
    served = serve_traced(tracer, "rooms.get", on_request)
    served(BusRequest(client, b"", b"{}", None))  # type: ignore[arg-type]  # so NATS gives it where there are none
    assert seen.pop() == (None, None, None)
    served(BusRequest(client, b"", b"{}", b"NATS/1.0\r\nC: a b c d\r\n\r\n"))
    block = f"NATS/1.0\r\nC: a b c d\r\ntraceparent: 00-{TRACE}-{SPAN}-01\r\n\r\n".encode()
    served(BusRequest(client, b"", b"{}", block))
    assert seen[0] == (None, None, None)
    span, current, trace_id = seen[1]
    assert (span, trace_id) == (current, TRACE)
    assert span.otel.attributes["error.type"] == "not_found"
    assert span.otel.end_time is not None
    assert find_current() is None


@pytest.mark.parametrize("module", SERVICES)
def test_without_an_endpoint_neither_spans_nor_exporter_are_imported(module):
    program = f"import sys, services.{module}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    heavy = {"opentelemetry.sdk.trace", "opentelemetry.exporter", "requests", "google.protobuf"}
    assert heavy & set(run.stdout.split()) == set()
    assert f"services.{module}" in run.stdout.split()
