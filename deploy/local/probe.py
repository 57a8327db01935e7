"""Small questions to servers and services, asked over plain sockets: is it there, is it ready?

No client library is imported: `chatcraft up` starts in a fraction of a second because of that.
"""

import asyncio
from contextlib import suppress

ANSWER_TIMEOUT_S = 2.0


async def ask(host: str, port: int, question: bytes, answer_bytes: int = 256) -> bytes:
    """Connect, send `question`, return the first bytes of the answer; empty when nobody answers."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(question)
                await writer.drain()
                return await reader.read(answer_bytes)
            finally:
                writer.close()
    return b""


async def is_http_ok(host: str, port: int, path: str) -> bool:
    """Tell whether GET `path` is answered with 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    answer = await ask(host, port, request.encode("ascii"))
    return answer.split(b"\r\n", 1)[0].split(b" ")[1:2] == [b"200"]


async def can_connect(host: str, port: int) -> bool:
    """Tell whether something listens there."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return True
    return False
