"""One child process: how it is started, known to be ready, and stopped. Servers and services alike.

`supervisor.py` and the tests drive it; it never decides to restart anything.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

LAUNCHER = Path(__file__).with_name("launch.py")
READY_POLL_S = 0.02
# A line longer than this is cut: a log line is for reading.
MAX_LINE_BYTES = 64 * 1024

Isolation = Literal["plain", "userns", "nobody"]
LogSink = Path | Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run and how to treat it."""

    name: str
    argv: tuple[str, ...]
    log: LogSink  # a file to append to, or a function that is called with each line
    is_ready: Callable[[int], Awaitable[bool]]  # called with the pid, again and again, until true
    env: Mapping[str, str] = field(default_factory=dict)  # added to our own environment
    address: str = ""
    isolation: Isolation = "plain"
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL  # what the kernel sends when the supervisor is killed
    grace_s: float = 10.0
    kept_fds: tuple[int, ...] = ()
    niceness: int = 0  # who stands back when the processors are short: 0 to 19


class Child:
    """A Program that can be started, waited for and stopped, again and again."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._process: asyncio.subprocess.Process | None = None
        self._pump: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int:
        """Return the process id. Raises RuntimeError before the first start."""
        return self._started.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process. Only from the main thread: the kernel ties the child's life to that thread."""
        program = self.program
        sink = program.log
        output: int | IO[bytes] = asyncio.subprocess.PIPE
        if isinstance(sink, Path):
            output = sink.open("ab")
        try:
            self._process = await asyncio.create_subprocess_exec(
                *launch_argv(program),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **program.env},
                pass_fds=program.kept_fds,
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops everybody in order
            )
        finally:
            if not isinstance(output, int):
                output.close()
        if program.niceness:
            _stand_back(self.pid, program.niceness)
        if self._process.stdout is not None and callable(sink):
            self._pump = asyncio.create_task(_pump_lines(self._process.stdout, sink))

    async def wait(self) -> int:
        """Wait for the end and return the exit code (negative: the signal that killed it)."""
        code = await self._started.wait()
        if self._pump is not None:
            # A grandchild may still hold the pipe open; its lines are not worth waiting for.
            await asyncio.wait({self._pump}, timeout=1.0)
            self._pump.cancel()
            self._pump = None
        return code

    async def wait_ready(self, timeout_s: float) -> bool:
        """Wait until it is ready; False when it ended first. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self.is_running:
                if await self.program.is_ready(self.pid):
                    return True
                await asyncio.sleep(READY_POLL_S)
        return False

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, if it is still there."""
        if self.is_running:
            with suppress(ProcessLookupError):
                self._started.send_signal(number)

    async def stop(self) -> bool:
        """Ask it to stop, after its grace kill it; False when it had to be killed."""
        if self._process is None:
            return True
        self.send_signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(self.wait(), self.program.grace_s)
        except TimeoutError:
            self.send_signal(signal.SIGKILL)
            await self.wait()
            return False
        return True

    @property
    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process


def launch_argv(program: Program) -> list[str]:
    """Return the command line that runs `program` so that it dies with this process."""
    launcher = (sys.executable, "-I", "-S", str(LAUNCHER))
    how = (str(os.getpid()), str(int(program.death_signal)), program.isolation)
    return [*launcher, *how, *program.argv]


def _stand_back(pid: int, niceness: int) -> None:
    """Lower the priority of a session: Linux shares the processors among these first, then within each."""
    with suppress(OSError):  # a kernel that does not group by session
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness), encoding="ascii")


async def _pump_lines(stream: asyncio.StreamReader, write_line: Callable[[str], None]) -> None:
    rest = b""
    while chunk := await stream.read(MAX_LINE_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            write_line(line.decode("utf-8", "replace").rstrip("\r"))
        if len(rest) > MAX_LINE_BYTES:
            write_line(rest[:MAX_LINE_BYTES].decode("utf-8", "replace") + " …")
            rest = b""
    if rest:
        write_line(rest.decode("utf-8", "replace"))
