"""Opens a process's tracer, where there is an endpoint to send traces to."""

import asyncio
from contextlib import AsyncExitStack

from shared.settings import ServiceSettings
from shared.tracing.spans import Tracer


def open_tracer(settings: ServiceSettings, service: str, stack: AsyncExitStack) -> Tracer | None:
    """Return the process's tracer, closed with the stack; None where CHATCRAFT_TRACE_ENDPOINT is not set."""
    if not settings.trace_endpoint:
        return None
    from shared.tracing import otel  # noqa: PLC0415 - half a second and 20 MB that nobody else is to pay

    provider = otel.create_provider(settings.trace_endpoint, service)
    stack.push_async_callback(asyncio.to_thread, provider.shutdown)
    return otel.OtelTracer(provider)
