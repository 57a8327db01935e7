"""How a service answers its commands: decode, call the handler, encode, and turn errors into replies.

One edge of three where any exception is caught. Knows no service and no database.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from msgspec import Struct

from shared.bus import Bus, BusRequest, Caller, Endpoint
from shared.bus.traced import serve_traced
from shared.contracts.errors import ErrorCode
from shared.contracts.registry import Command, Rep, Req
from shared.errors import ChatError, unavailable
from shared.ids import new_id
from shared.telemetry import command_observer, get_logger
from shared.tracing import Tracer, find_trace_id

log = get_logger(__name__)

# Beyond this a service only makes its callers wait longer: it says so instead.
_IN_FLIGHT_MAX = 2_000

Translate = Callable[[Exception], ChatError | None]
Asked = TypeVar("Asked")
_encode = msgspec.json.encode


class Dispatcher:
    """The endpoints of one service and the requests under way."""

    def __init__(self, service: str, bus: Bus, translate: Translate, tracer: Tracer | None = None) -> None:
        """`translate` maps a library's exception to ours, or None if it does not know it."""
        self._service = service
        self._bus = bus
        self._translate = translate
        self._tracer = tracer
        self._endpoints: list[Endpoint] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def handle(self, command: Command[Req, Rep], handler: Callable[[Caller, Req], Awaitable[Rep]]) -> None:
        """Answer `command` by `handler(caller, request)`, each call in a task of its own."""
        decoder = msgspec.json.Decoder(command.request)

        async def call(request: BusRequest) -> Struct:
            return await handler(request.caller, decoder.decode(request.payload))

        self._add(command.subject, command.name, call)

    def handle_request(
        self, command: Command[Req, Rep], handler: Callable[[BusRequest, Req], Awaitable[Rep]]
    ) -> None:
        """Like `handle`, for the few that need more of the request than its caller."""
        decoder = msgspec.json.Decoder(command.request)

        async def call(request: BusRequest) -> Struct:
            return await handler(request, decoder.decode(request.payload))

        self._add(command.subject, command.name, call)

    def answer(self, subject: str, asked: type[Req], handler: Callable[[Req], Awaitable[Struct]]) -> None:
        """Answer a call between services."""
        decoder = msgspec.json.Decoder(asked)

        async def call(request: BusRequest) -> Struct:
            return await handler(decoder.decode(request.payload))

        self._add(subject, subject, call)

    def enqueue(self, command: Command[Req, Rep], on_request: Callable[[BusRequest, Req], None]) -> None:
        """Hand each request to `on_request` at once; who takes it answers it with `respond`."""
        self.enqueue_raw(command.subject, command.name, command.request, on_request)

    def enqueue_raw(
        self, subject: str, name: str, asked: type[Asked], on_request: Callable[[BusRequest, Asked], None]
    ) -> None:
        """Like `enqueue`, for what is no command of its own."""
        decoder = msgspec.json.Decoder(asked)

        def on_raw(request: BusRequest) -> None:
            try:
                on_request(request, decoder.decode(request.payload))
            except Exception as exc:  # noqa: BLE001 - the edge of command dispatch
                request.respond(self.explain(exc, name).encode())

        self._listen(subject, name, on_raw)

    async def start(self) -> None:
        """Begin to answer; call once, after everything is registered."""
        await self._bus.serve(self._service, self._endpoints)

    async def drain(self, timeout_s: float = 10) -> None:
        """Take no new requests and finish those under way."""
        await self._bus.stop_serving()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)

    def explain(self, exc: Exception, command: str) -> ChatError:
        """Return what the caller is told; what nobody foresaw is logged under the id it is told of."""
        if isinstance(exc, ChatError):
            return exc
        if isinstance(exc, msgspec.DecodeError):
            return ChatError(ErrorCode.INVALID_INPUT, str(exc), details={"fields": []})
        translated = self._translate(exc)
        if translated is not None:
            log.warning("command_failed", command=command, error=f"{type(exc).__name__}: {exc}"[:300])
            return translated
        trace_id = find_trace_id() or new_id()
        log.error("command_crashed", command=command, trace_id=trace_id, exc_info=exc)
        return ChatError(ErrorCode.INTERNAL, "something went wrong here", details={"trace_id": trace_id})

    def _add(self, subject: str, name: str, call: Callable[[BusRequest], Awaitable[Struct]]) -> None:
        def on_request(request: BusRequest) -> None:
            if len(self._tasks) >= _IN_FLIGHT_MAX:
                request.respond(unavailable(f"{self._service} is overloaded").encode())
            else:
                self._spawn(self._run(name, call, request))

        self._listen(subject, name, on_request)

    def _listen(self, subject: str, name: str, on_request: Callable[[BusRequest], None]) -> None:
        if self._tracer is not None:
            on_request = serve_traced(self._tracer, name, on_request)
        self._endpoints.append(Endpoint(subject, on_request))

    async def _run(
        self, name: str, call: Callable[[BusRequest], Awaitable[Struct]], request: BusRequest
    ) -> None:
        started = time.perf_counter()
        outcome = "ok"
        try:
            reply = b'{"ok":%b}' % _encode(await call(request))
        except Exception as exc:  # noqa: BLE001 - the edge of command dispatch
            error = self.explain(exc, name)
            outcome, reply = error.code, error.encode()
        command_observer(name, outcome)(time.perf_counter() - started)
        request.respond(reply)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
