"""`chatcraft up`, or `make cluster`, as a person runs it: its output is read, its descendants are known."""

import asyncio
import os
import signal
import sysconfig
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self, TypeVar

DEADLINE_S = 110.0
POLL_S = 0.02
COMMAND = str(Path(sysconfig.get_path("scripts")) / "chatcraft")
READY = "ChatCraft is ready: "

T = TypeVar("T")


class UpProcess:
    """One run; `async with` kills what is left of it, orphans included."""

    def __init__(
        self,
        data_dir: Path,
        *arguments: str,
        env: dict[str, str] | None = None,
        command: tuple[str, ...] = (COMMAND, "up"),
    ) -> None:
        self.data_dir = data_dir
        self.lines: list[str] = []
        self.url = ""
        self._arguments = ("--port", "0", "--data-dir", str(data_dir), *arguments)
        self._env = env or {}
        self._command = command

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(
            *(*self._command, *self._arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **self._env},
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        survivors = self.descendants() if self.process.returncode is None else set()
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        for pid in survivors:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        await self._reader

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    async def wait_ready(self) -> str:
        """Return the printed address."""
        line = await self.wait_line(READY)
        self.url = line.removeprefix(READY)
        return self.url

    async def wait_line(self, part: str) -> str:
        """Return the first line that contains `part`."""

        async def find() -> str | None:
            if self._reader.done() and not any(part in line for line in self.lines):
                raise AssertionError(f"ended without {part!r}:\n{self.output}")
            return next((line for line in self.lines if part in line), None)

        return await wait_for(find, lambda: f"no line with {part!r}:\n{self.output}")

    async def wait_end(self) -> int:
        """Return the exit code, once all output is read."""
        async with asyncio.timeout(DEADLINE_S):
            await self._reader
            return await self.process.wait()

    def descendants(self) -> set[int]:
        """Return the pids of all children, and of theirs."""
        found: set[int] = set()
        waiting = [self.process.pid]
        while waiting:
            for child in children_of(waiting.pop()):
                found.add(child)
                waiting.append(child)
        return found

    def find_child(self, word: str) -> int:
        """Return the pid of the child with `word` in its command line."""
        return next(pid for pid in children_of(self.process.pid) if word in command_line(pid))

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip("\n"))


async def run_program(
    *argv: str, env: dict[str, str] | None = None, typed: str | None = None
) -> tuple[int, list[str]]:
    """Run a program to its end; return its exit code and the lines it printed. `typed` is its input."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL if typed is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(env or {})},
    )
    given = None if typed is None else typed.encode()
    output, _ = await asyncio.wait_for(process.communicate(given), DEADLINE_S)
    return process.returncode or 0, output.decode().splitlines()


async def wait_for(find: Callable[[], Awaitable[T | None]], describe: Callable[[], str]) -> T:
    """Ask again and again until the answer is neither None nor false."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                if found := await find():
                    return found
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise AssertionError(describe()) from None


def children_of(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


async def wait_all_gone(pids: set[int]) -> None:
    """Wait until none of these processes runs."""

    async def are_gone() -> bool:
        return not any(is_alive(pid) for pid in pids)

    await wait_for(are_gone, lambda: f"still there: {[command_line(pid) for pid in pids if is_alive(pid)]}")
