"""An OpenTelemetry collector for tests: takes OTLP over HTTP, decodes it, and shows the spans."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.wire import eventually

WAIT_S = 30.0


@dataclass(frozen=True)
class Seen:
    """One span as it was sent; ids in hex, `parent` empty for a root."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent: str
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    is_failed: bool
    began_ns: int
    ended_ns: int


@dataclass
class Collector:
    """`async with`; `url` is what a process is given as its endpoint."""

    spans: list[Seen] = field(default_factory=list)
    raw: bytes = b""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._server.close()

    async def wait_for(self, trace_id: str, *names: str) -> list[Seen]:
        """Return the spans of a trace, once each of these is there: a name, or `service name`."""

        def find() -> list[Seen] | None:
            found = self.of(trace_id)
            seen = {span.name for span in found} | {f"{span.service} {span.name}" for span in found}
            return found if set(names) <= seen else None

        spans: list[Seen] = await eventually(find, WAIT_S)
        return spans

    def of(self, trace_id: str) -> list[Seen]:
        return [span for span in self.spans if span.trace_id == trace_id]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().lower().split("\r\n")
                assert lines[0].startswith("post /v1/traces ")
                [length] = [int(line.split(":")[1]) for line in lines if line.startswith("content-length:")]
                self._take(await reader.readexactly(length))
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _take(self, body: bytes) -> None:
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _attributes(resource.resource)["service.name"]
            self.spans += [_read(service, span) for scope in resource.scope_spans for span in scope.spans]


def find_one(spans: list[Seen], name: str) -> Seen:
    """Return the only span of that name."""
    [found] = [span for span in spans if span.name == name]
    return found


def _read(service: str, span: Any) -> Seen:
    return Seen(
        service=service,
        name=span.name,
        kind={1: "internal", 2: "server", 3: "client"}[span.kind],
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        attributes=_attributes(span),
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        is_failed=span.status.code == 2,
        began_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
    )


def _attributes(told: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in told.attributes}
