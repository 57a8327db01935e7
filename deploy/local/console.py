"""What `chatcraft up` shows: one line per process, prefixed logs, the address last. Decides nothing."""

import os
import queue
import sys
import threading
from typing import Self, TextIO

NAME_WIDTH = 11
# Lines that may wait for a terminal that does not take them (Ctrl-S); further ones are counted and dropped,
# so that a paused terminal never stops a service.
MAX_WAITING_LINES = 10_000
FLUSH_TIMEOUT_S = 1.0

RESET, BOLD, DIM, RED, GREEN, YELLOW = "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"
NAME_COLOURS = (
    "\x1b[36m",
    "\x1b[35m",
    "\x1b[34m",
    "\x1b[33m",
    "\x1b[32m",
    "\x1b[96m",
    "\x1b[95m",
    "\x1b[94m",
)


class Console:
    """Writes whole lines, from a thread of its own: whoever prints never waits for the terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._is_coloured = self._stream.isatty() and "NO_COLOR" not in os.environ
        self._colour_by_name: dict[str, str] = {}
        self._lines: queue.Queue[str | None] = queue.Queue(MAX_WAITING_LINES)
        self._dropped = 0
        self._writer = threading.Thread(target=self._write_lines, name="console", daemon=True)
        self._writer.start()

    def say(self, text: str = "") -> None:
        """Print a line of our own."""
        self._put(text)

    def ready(self, name: str, address: str) -> None:
        """Report that a process answers."""
        self._put(
            f"  {name:<{NAME_WIDTH}} {self._paint('ready', GREEN)}  {self._paint(address, DIM)}".rstrip()
        )

    def address(self, url: str) -> None:
        """Print what the reader has waited for."""
        self._put(self._paint(f"ChatCraft is ready: {url}", BOLD))

    def notice(self, name: str, text: str) -> None:
        """Report something about a process that needs no action."""
        self._put(self._paint(f"  {name} {text}", YELLOW))

    def problem(self, name: str, text: str) -> None:
        """Report that something went wrong with a process."""
        self._put(self._paint(f"  {name} {text}", RED))

    def log(self, name: str, line: str) -> None:
        """Print a line that a process logged."""
        colour = self._colour_by_name.get(name)
        if colour is None:
            colour = NAME_COLOURS[len(self._colour_by_name) % len(NAME_COLOURS)]
            self._colour_by_name[name] = colour
        self._put(f"{self._paint(f'{name:<{NAME_WIDTH}} │', colour)} {line}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Write what is waiting, unless the terminal does not take it."""
        try:
            self._lines.put(None, timeout=FLUSH_TIMEOUT_S)
        except queue.Full:
            return
        self._writer.join(FLUSH_TIMEOUT_S)

    def _put(self, line: str) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def _write_lines(self) -> None:
        is_open = True
        while (line := self._lines.get()) is not None:
            if self._dropped:
                line, self._dropped = f"({self._dropped} lines dropped)\n{line}", 0
            try:
                if is_open:
                    self._stream.write(line + "\n")
                    self._stream.flush()
            except (OSError, ValueError):
                is_open = False  # the reader has gone; the services stay

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{RESET}" if self._is_coloured and text else text
