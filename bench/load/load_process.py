"""A session of the load in a process of its own, told what to do over a pipe.

Several are needed beyond what one process may hold open (`ulimit -n`).
"""

import asyncio
import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Protocol, Self

from bench.load.crowd import Stalled
from bench.load.crowd_session import CrowdSession
from bench.load.plan import Plan

_ERRORS = (OSError, Stalled, ValueError)
_spawn = multiprocessing.get_context("spawn")


class Session(Protocol):
    """What runs in the process; its further methods are called by name."""

    def idle(self) -> None:
        """Keep the sockets alive until the control descriptor is readable."""


def _serve(connection: Connection, make_session: Callable[[Plan, int], Session], plan: Plan) -> None:
    session = make_session(plan, connection.fileno())
    while True:
        try:
            session.idle()
            method, args = connection.recv()
        except EOFError:
            return
        except _ERRORS as exc:
            connection.send((False, f"while idle: {exc}"))
            return
        try:
            connection.send((True, getattr(session, method)(*args)))
        except _ERRORS as exc:
            connection.send((False, str(exc) or repr(exc)))


class LoadFailed(Exception):  # noqa: N818 - the scenario it belongs to is reported as not run
    """The load could not be made; the message says why."""


class LoadProcess:
    """The parent's end. Use as an async context."""

    def __init__(self, plan: Plan, make_session: Callable[[Plan, int], Session] = CrowdSession) -> None:
        self._connection, child = _spawn.Pipe()
        self._process = _spawn.Process(target=_serve, args=(child, make_session, plan), daemon=True)
        self._child = child

    async def __aenter__(self) -> Self:
        self._process.start()
        self._child.close()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._connection.close()
        self._process.join(2.0)
        self._process.kill()
        self._process.join()

    @property
    def pid(self) -> int:
        """The process that generates the load."""
        assert self._process.pid is not None, "entered"
        return self._process.pid

    async def call(self, method: str, *args: Any) -> Any:
        """Run a method of the session. Raises LoadFailed."""
        # One that has ended has said why, which is read in place of the answer.
        with suppress(BrokenPipeError):
            self._connection.send((method, args))
        try:
            is_ok, value = await asyncio.to_thread(self._connection.recv)
        except (EOFError, ConnectionResetError):
            raise LoadFailed("the load process ended") from None
        if not is_ok:
            raise LoadFailed(value)
        return value
