"""From a frame to its answer: look the command up, validate, keep the order of a room, run, reply.

Forwarded commands go over the bus as the very bytes that came in; the gateway's own are in `local`. Sends
that had to wait for one before them go as one request: who pipelines does not pay a commit for each.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from services.gateway.connection import Connection
from services.gateway.frames import ClientFrame, bad_frame, ok
from services.gateway.limits import CommandRate, Rates
from shared.bus import Bus, Caller
from shared.contracts import internal, messages
from shared.contracts.close_codes import CloseCode
from shared.contracts.errors import ErrorCode
from shared.contracts.limits import Limits
from shared.contracts.registry import Command, Door, find_command
from shared.contracts.validation import decode_request
from shared.errors import ChatError
from shared.ids import new_id
from shared.telemetry import command_observer, get_logger
from shared.tracing import find_trace_id

log = get_logger(__name__)

# The reply repeats what was sent, with what the store adds: far below the 8 MB that NATS is set to carry.
_TOGETHER_MAX_BYTES = 256 * 1024
_decode_replies = msgspec.json.Decoder(list[msgspec.Raw]).decode

LocalHandler = Callable[[Connection, Any], Awaitable[Struct]]
"""Answers one of the gateway's own commands."""


@dataclass(slots=True, frozen=True)
class Job:
    """One accepted command of one connection."""

    ref: int
    command: Command[Struct, Struct]
    request: Struct
    raw: bytes
    room_id: str | None


class Router:
    """Runs commands: of a (connection, room) one at a time, or sends in a row; the rest in the order sent."""

    def __init__(self, bus: Bus, rates: Rates, limits: Limits, now_s: Callable[[], float]) -> None:
        self._bus = bus
        self._rates = rates
        self._limits = limits
        self._now_s = now_s
        self._local: dict[str, LocalHandler] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, command: Command[Any, Any], handler: LocalHandler) -> None:
        """Register the handler of one of the gateway's own commands."""
        self._local[command.name] = handler

    async def wait_idle(self, timeout_s: float) -> None:
        """Wait until the commands under way are answered."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)

    def on_frame(self, connection: Connection, frame: ClientFrame | int) -> None:
        """Take a frame, or the bare `ref` of a bad one; answers or runs it."""
        if isinstance(frame, int):
            connection.reply(frame, bad_frame("needs an op, and d as an object"))
            return
        now_s = self._now_s()
        claims = connection.claims
        wait_ms = self._rates.of(claims).take(connection.bucket, now_s)
        if wait_ms:
            self._refuse(connection, frame.ref, wait_ms, now_s)
            return
        command = find_command(frame.op)
        if command is None or Door.SOCKET not in command.doors:
            error = ChatError(ErrorCode.UNKNOWN_OP, "there is no such op", details={"op": frame.op[:64]})
            connection.reply(frame.ref, error.encode())
            return
        raw = bytes(frame.d)
        try:
            request = decode_request(command, raw)
            if claims.grant is not None:
                claims.grant.check(command, request)
        except ChatError as exc:
            connection.reply(frame.ref, exc.encode())
            return
        self._submit(connection, Job(frame.ref, command, request, raw, getattr(request, "room_id", None)))

    def _refuse(self, connection: Connection, ref: int, wait_ms: int, now_s: float) -> None:
        error = ChatError(ErrorCode.RATE_LIMITED, "too many commands", retry_after_ms=wait_ms)
        connection.reply(ref, error.encode())
        if CommandRate.is_flooding(connection.bucket, now_s):
            connection.close(CloseCode.RATE_LIMITED, "too many refused commands")

    def _submit(self, connection: Connection, job: Job) -> None:
        connection.in_flight += 1
        if connection.in_flight == self._limits.commands_in_flight:
            connection.pause_reading()
        if job.room_id is not None:
            if connection.queues is None:
                connection.queues = {}
            waiting = connection.queues.get(job.room_id)
            if waiting is not None:
                waiting.append(job)
                return
            connection.queues[job.room_id] = deque()
        task = asyncio.get_running_loop().create_task(self._work(connection, [job]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, connection: Connection, jobs: list[Job]) -> None:
        while jobs:
            outcomes = await self._answer(connection, jobs)
            connection.reply_all((job.ref, outcome) for job, outcome in zip(jobs, outcomes, strict=True))
            if connection.in_flight >= self._limits.commands_in_flight > connection.in_flight - len(jobs):
                connection.resume_reading()
            connection.in_flight -= len(jobs)
            jobs = self._next(connection, jobs[0].room_id)

    @staticmethod
    def _next(connection: Connection, room_id: str | None) -> list[Job]:
        """Return what is to be done next in a room: sends that wait behind each other go together."""
        if room_id is None or connection.queues is None:
            return []
        waiting = connection.queues[room_id]
        if waiting:
            return _take(waiting)
        del connection.queues[room_id]
        if not connection.queues:
            connection.queues = None
        return []

    async def _answer(self, connection: Connection, jobs: list[Job]) -> list[bytes]:
        started_s = self._now_s()
        try:
            outcomes = await self._run(connection, jobs)
        except ChatError as exc:
            outcomes = [exc.encode()] * len(jobs)
        except Exception:
            trace_id = find_trace_id() or new_id()
            log.exception("command_crashed", command=jobs[0].command.name, trace_id=trace_id)
            error = ChatError(ErrorCode.INTERNAL, "something went wrong here", details={"trace_id": trace_id})
            outcomes = [error.encode()] * len(jobs)
        taken_s = self._now_s() - started_s
        for job, outcome in zip(jobs, outcomes, strict=True):
            label = "ok" if outcome.startswith(b'{"ok"') else "error"
            command_observer(job.command.name, label)(taken_s)
        return outcomes

    async def _run(self, connection: Connection, jobs: list[Job]) -> list[bytes]:
        if len(jobs) > 1:
            return await self._send_many(connection, jobs)
        [job] = jobs
        handler = self._local.get(job.command.name)
        if handler is not None:
            async with asyncio.timeout(self._limits.command_timeout_s):
                return [ok(await handler(connection, job.request))]
        return [await self._forward(connection, job.command.subject, job.raw)]

    async def _send_many(self, connection: Connection, jobs: list[Job]) -> list[bytes]:
        """Forward sends as one request: they share the way, and a commit."""
        try:
            reply = await self._forward(
                connection, internal.SEND_MANY, b"[%b]" % b",".join(job.raw for job in jobs)
            )
        except ChatError as exc:
            if exc.code is not ErrorCode.UNAVAILABLE:
                raise
            # So it is where only older services listen; and what was done already is done only once.
            return [await self._send_alone(connection, job) for job in jobs]
        if reply.startswith(b"["):
            return [bytes(each) for each in _decode_replies(reply)]
        return [reply] * len(jobs)

    async def _send_alone(self, connection: Connection, job: Job) -> bytes:
        try:
            return await self._forward(connection, job.command.subject, job.raw)
        except ChatError as exc:
            return exc.encode()

    async def _forward(self, connection: Connection, subject: str, payload: bytes) -> bytes:
        claims = connection.claims
        return await self._bus.request(
            subject,
            payload,
            caller=Caller(claims.user_id, claims.login_id, claims.role, connection.address),
            timeout_s=self._limits.command_timeout_s,
        )


def _take(waiting: deque[Job]) -> list[Job]:
    """Take the first command, and with a send those right behind it."""
    first = waiting.popleft()
    jobs, size_bytes = [first], len(first.raw)
    while waiting and first.command is messages.send and waiting[0].command is first.command:
        size_bytes += len(waiting[0].raw)
        if size_bytes > _TOGETHER_MAX_BYTES:
            break
        jobs.append(waiting.popleft())
    return jobs
