"""Spans as the rest of the project sees them: which one is current, and the id that logs carry.

Knows nothing of OpenTelemetry; that is in `otel`, which is imported only where there is a tracer.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Protocol

from structlog.contextvars import bound_contextvars

Attributes = Mapping[str, str | int | float | bool]

# W3C Trace Context, section 3.2: version 00; what a later version adds behind it is not for us.
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
SAMPLED = 0x01


class Kind(Enum):
    """Which side of what a span is; the words of OpenTelemetry."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    INTERNAL = "INTERNAL"


class Span(Protocol):
    """One piece of work of a sampled command. Holds names, counts and times, never what people wrote."""

    @property
    def trace_id(self) -> str: ...
    @property
    def traceparent(self) -> str:
        """What tells another process of it."""

    def note(self, name: str, value: str | int) -> None:
        """Set an attribute."""

    def link(self, other: "Span") -> None:
        """Point to work that was done for this and for others."""

    def fail(self, why: str) -> None:
        """Mark it as failed; `why` is a code or the name of an exception."""

    def end(self) -> None: ...


class Tracer(Protocol):
    """Begins spans. One per process, and only where traces have somewhere to go."""

    def is_due(self, ratio: float) -> bool:
        """Draw whether a command is sampled."""

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: Span | str | None,
        attributes: Attributes | None = None,
        *,
        lasted_s: float = 0.0,
    ) -> Span:
        """Begin a span; `parent` is one of this process, or the `traceparent` of another, or there is none.

        `lasted_s`: the work began so long ago.
        """

    def span(
        self, name: str, kind: Kind, parent: Span | str | None, attributes: Attributes | None = None
    ) -> AbstractContextManager[Span]:
        """Begin a span, make it the current one, and end it; what is raised marks it as failed."""


_current: ContextVar[Span | None] = ContextVar("chatcraft_span", default=None)


def find_current() -> Span | None:
    """Return the span of the work under way; None where it was not sampled."""
    return _current.get()


def find_trace_id() -> str | None:
    """Return the id under which the work under way is traced and logged, if it is."""
    span = _current.get()
    return span.trace_id if span else None


@contextmanager
def use(span: Span | None) -> Iterator[None]:
    """Make a span the current one, and its trace the one that log lines name; None changes nothing."""
    if span is None:
        yield
        return
    token = _current.set(span)
    try:
        with bound_contextvars(trace_id=span.trace_id):
            yield
    finally:
        _current.reset(token)


def is_sampled(traceparent: str) -> bool | None:
    """Return what a `traceparent` says of sampling; None for one that says nothing to us."""
    found = TRACEPARENT.fullmatch(traceparent)
    if found is None or set(found[1]) == {"0"} or set(found[2]) == {"0"}:
        return None
    return bool(int(found[3], 16) & SAMPLED)
