"""Requests over one inbox without a task, queue or header parsing: half of what nats-py's own cost.

Called by the bus alone. Knows the client's fan-in, nothing of who asks what.
"""

import asyncio
from itertools import count

import nats.errors

from shared.bus.fan_in import FanInClient, ReplyInbox

_NO_RESPONDERS = b"NATS/1.0 503"


class Requests:
    """The requests under way of one connection."""

    def __init__(self, client: FanInClient) -> None:
        self._client = client
        self._inbox: ReplyInbox | None = None
        self._prefix = ""
        self._prefix_length = 0
        self._numbers = count(1)
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}

    def open(self) -> None:
        """Subscribe to the inbox; once, after connecting."""
        self._prefix = self._client.new_inbox() + "."
        self._prefix_length = len(self._prefix)
        self._inbox = self._client.open_inbox(self._prefix + "*", self._on_reply)

    async def ask(self, subject: str, payload: bytes, headers: bytes, timeout_s: float) -> bytes:
        """Send and return the raw reply.

        Raises NoRespondersError, TimeoutError of nats.errors, or ConnectionClosedError when the link
        goes down meanwhile: then nobody knows what became of it.
        """
        loop = asyncio.get_running_loop()
        number = next(self._numbers)
        token = b"%d" % number
        reply: asyncio.Future[bytes] = loop.create_future()
        self._waiting[token] = reply
        timer = loop.call_later(timeout_s, _expire, reply)
        self._client.post(subject, f"{self._prefix}{number}", payload, headers)
        try:
            return await reply
        finally:
            timer.cancel()
            del self._waiting[token]

    @property
    def count(self) -> int:
        """How many wait for an answer."""
        return len(self._waiting)

    def fail_all(self) -> None:
        """The link is down: no answer will come."""
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(nats.errors.ConnectionClosedError())

    def _on_reply(self, subject: bytes, payload: bytes, headers: bytes) -> None:
        reply = self._waiting.get(subject[self._prefix_length :])
        if reply is None or reply.done():
            return
        if headers and headers.startswith(_NO_RESPONDERS):
            reply.set_exception(nats.errors.NoRespondersError())
        else:
            reply.set_result(payload)


def _expire(reply: "asyncio.Future[bytes]") -> None:
    if not reply.done():
        reply.set_exception(nats.errors.TimeoutError())
