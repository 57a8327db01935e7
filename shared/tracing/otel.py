"""Spans by OpenTelemetry, sent by OTLP over HTTP, in batches, from a thread of its own.

Imported by `opening` alone, and only where an endpoint is set.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from shared.tracing.spans import SAMPLED, Attributes, Kind, Span, is_sampled, use

# A collector that does not answer holds up the exporting thread alone, and so long the end of the process.
_EXPORT_TIMEOUT_S = 3
_EXPORT_EVERY_MS = 1_000


class OtelSpan:
    """A `Span`."""

    __slots__ = ("otel", "trace_id", "traceparent")

    def __init__(self, span: trace.Span) -> None:
        self.otel = span
        context = span.get_span_context()
        self.trace_id = f"{context.trace_id:032x}"
        self.traceparent = f"00-{self.trace_id}-{context.span_id:016x}-{SAMPLED:02x}"

    def note(self, name: str, value: str | int) -> None:
        self.otel.set_attribute(name, value)

    def link(self, other: Span) -> None:
        self.otel.add_link(_read(other.traceparent))

    def fail(self, why: str) -> None:
        self.otel.set_attribute("error.type", why)
        self.otel.set_status(trace.StatusCode.ERROR)

    def end(self) -> None:
        self.otel.end()


class OtelTracer:
    """A `Tracer`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("chatcraft")

    def is_due(self, ratio: float) -> bool:
        return random.random() < ratio  # noqa: S311 - a sample, no secret

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: Span | str | None,
        attributes: Attributes | None = None,
        *,
        lasted_s: float = 0.0,
    ) -> OtelSpan:
        traceparent = parent if isinstance(parent, str) or parent is None else parent.traceparent
        return OtelSpan(
            self._tracer.start_span(
                name,
                context=_to_context(traceparent),
                kind=trace.SpanKind[kind.value],
                attributes=attributes,
                start_time=time.time_ns() - int(lasted_s * 1e9),
            )
        )

    @contextmanager
    def span(
        self, name: str, kind: Kind, parent: Span | str | None, attributes: Attributes | None = None
    ) -> Iterator[Span]:
        span = self.begin(name, kind, parent, attributes)
        try:
            with use(span):
                yield span
        except BaseException as exc:
            span.fail(type(exc).__name__)
            raise
        finally:
            span.end()


def create_provider(endpoint: str, service: str) -> TracerProvider:
    """Return a provider that sends to a collector; `shutdown` sends the rest, and blocks for some seconds."""
    named = {"service.name": f"chatcraft-{service}", "service.version": metadata.version("chatcraft")}
    # What comes here was sampled already, at the door.
    provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource.create(named), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_EXPORT_EVERY_MS))
    return provider


def _to_context(traceparent: str | None) -> Context:
    """Return OpenTelemetry's context for a parent; an empty one begins a trace."""
    if traceparent is None or not is_sampled(traceparent):
        return Context()
    return trace.set_span_in_context(trace.NonRecordingSpan(_read(traceparent)), Context())


def _read(traceparent: str) -> trace.SpanContext:
    _, trace_id, span_id, _ = traceparent.split("-")
    return trace.SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=trace.TraceFlags(SAMPLED)
    )
