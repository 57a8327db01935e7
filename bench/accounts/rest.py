"""REST as little of it as a load generator needs: a link that asks, waits for the answer, and asks again."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol, cast

from bench.load.load_process import LoadFailed
from bench.load.measure import summarise_ms

Address = tuple[str, int]


def make_post(address: Address, path: str, body: dict[str, Any]) -> bytes:
    """Return a whole request."""
    content = json.dumps(body).encode()
    head = (
        f"POST /api/v1{path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class RestLink(asyncio.Protocol):
    """One kept connection; one request at a time. Answers come with their length, as the gateway's do."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._data = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    @classmethod
    async def open(cls, address: Address) -> "RestLink":
        _, link = await asyncio.get_running_loop().create_connection(cls, *address)
        return link

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Return status and body. Raises ConnectionError if the server closes."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._answer

    @property
    def is_closed(self) -> bool:
        return self.transport.is_closing()

    def close(self) -> None:
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own does not inherit from it

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio gives it
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end or self._answer is None:
            return
        _, _, length = head.lower().partition(b"content-length:")
        wanted = int(length.partition(b"\r\n")[0])
        if len(body) >= wanted:
            self._data = body[wanted:]
            self._answer.set_result((int(head[9:12]), body[:wanted]))


class Visitor(Protocol):
    """Somebody who asks one thing after the other."""

    def ask(self) -> bytes:
        """Return the next request."""

    def take(self, status: int, body: bytes) -> None:
        """Take the answer to it."""


async def run_closed_loop(
    address: Address, visitors: Sequence[Visitor], warm_s: float, seconds: float
) -> dict[str, Any]:
    """Let every visitor ask again as soon as they are answered; the first seconds only warm up.

    Raises LoadFailed if nobody was answered.
    """
    since_s = time.perf_counter() + warm_s
    until_s = since_s + seconds
    answered: list[tuple[int, float]] = []

    async def visit(visitor: Visitor) -> None:
        link = await RestLink.open(address)
        while (asked_s := time.perf_counter()) < until_s:
            status, body = await link.ask(visitor.ask())
            now_s = time.perf_counter()
            visitor.take(status, body)
            if since_s <= now_s < until_s:
                answered.append((status, now_s - asked_s))
        link.close()

    await asyncio.gather(*map(visit, visitors))
    if not answered:
        raise LoadFailed("nobody was answered in time")
    good = [taken_s for status, taken_s in answered if status == 200]
    return {
        "per_s": round(len(good) / seconds, 1),
        "statuses": {str(status): count for status, count in Counter(each for each, _ in answered).items()},
        **summarise_ms(good or [taken_s for _, taken_s in answered]),
    }
