"""Traces of sampled commands, from the door to the SQL, for an OpenTelemetry collector.

Without an endpoint there is no tracer and nothing of OpenTelemetry is imported: parts are then put together
without their traced kind (`shared.bus.traced`, `shared.traced_queries`, each service's `tracing`).
"""

from shared.tracing.opening import open_tracer
from shared.tracing.spans import Attributes, Kind, Span, Tracer, find_current, find_trace_id, is_sampled, use

__all__ = [
    "Attributes",
    "Kind",
    "Span",
    "Tracer",
    "find_current",
    "find_trace_id",
    "is_sampled",
    "open_tracer",
    "use",
]
