"""Answers lines of JSON on standard input with lines on standard output: how an importer drives a service.

Run by `services/<name>/importing`. Ends at the end of input, whatever it has begun being finished.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from msgspec import Struct

Asked = TypeVar("Asked")

LINE_MAX_BYTES = 64 * 1024 * 1024


async def answer_lines(
    decoder: msgspec.json.Decoder[Asked], answer: Callable[[Asked], Awaitable[Struct]]
) -> None:
    """Answer each line in turn. Raises what `answer` raises: the process ends with it."""
    reader = asyncio.StreamReader(limit=LINE_MAX_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    output = sys.stdout.buffer
    while line := await reader.readline():
        output.write(msgspec.json.encode(await answer(decoder.decode(line))) + b"\n")
        output.flush()
