"""From a frame to its answer: look the command up, validate, keep the order of a room, run, reply.

Forwarded commands go over the bus as the very bytes that came in; the gateway's own are in `local`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from services.gateway.connection import Connection
from services.gateway.frames import ClientFrame, bad_frame, ok
from services.gateway.limits import CommandRate, Rates
from shared.bus import Bus, Caller
from shared.contracts.close_codes import CloseCode
from shared.contracts.errors import ErrorCode
from shared.contracts.limits import Limits
from shared.contracts.registry import Command, Door, find_command
from shared.contracts.validation import decode_request
from shared.errors import ChatError
from shared.ids import new_id
from shared.telemetry import COMMANDS, get_logger

log = get_logger(__name__)

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
    """Runs commands. One command of a (connection, room) at a time; the rest in the order sent."""

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
        task = asyncio.get_running_loop().create_task(self._work(connection, job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, connection: Connection, job: Job | None) -> None:
        while job is not None:
            connection.reply(job.ref, await self._answer(connection, job))
            if connection.in_flight == self._limits.commands_in_flight:
                connection.resume_reading()
            connection.in_flight -= 1
            job = self._next(connection, job.room_id)

    @staticmethod
    def _next(connection: Connection, room_id: str | None) -> Job | None:
        if room_id is None or connection.queues is None:
            return None
        waiting = connection.queues[room_id]
        if waiting:
            return waiting.popleft()
        del connection.queues[room_id]
        if not connection.queues:
            connection.queues = None
        return None

    async def _answer(self, connection: Connection, job: Job) -> bytes:
        started_s = self._now_s()
        try:
            outcome = await self._run(connection, job)
        except ChatError as exc:
            outcome = exc.encode()
        except Exception:
            trace_id = new_id()
            log.exception("command_crashed", command=job.command.name, trace_id=trace_id)
            error = ChatError(ErrorCode.INTERNAL, "something went wrong here", details={"trace_id": trace_id})
            outcome = error.encode()
        label = "ok" if outcome.startswith(b'{"ok"') else "error"
        COMMANDS.labels(job.command.name, label).observe(self._now_s() - started_s)
        return outcome

    async def _run(self, connection: Connection, job: Job) -> bytes:
        handler = self._local.get(job.command.name)
        if handler is not None:
            async with asyncio.timeout(self._limits.command_timeout_s):
                return ok(await handler(connection, job.request))
        claims = connection.claims
        return await self._bus.request(
            job.command.subject,
            job.raw,
            caller=Caller(claims.user_id, claims.login_id, claims.role, connection.address),
            timeout_s=self._limits.command_timeout_s,
        )
