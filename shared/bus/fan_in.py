"""A NATS client with subscriptions that cost neither a task nor a queue: the gateway has one per room.

The one place that touches nats-py's internals (2.16, pinned; tests/contract names what moved).
Knows nothing of rooms.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import nats.errors
from nats.aio.client import Client
from nats.micro.service import Endpoint, Service
from nats.protocol import command as wire

_UNSENT_MAX_BYTES = 1024 * 1024

FanInCallback = Callable[[bytes, bytes], None]
"""Called with subject and payload, from the socket's own read; must not block."""


RequestCallback = Callable[[bytes, bytes, bytes], None]
"""Called with the subject to answer on, payload and raw headers; must not block."""

Taken = tuple[Endpoint, RequestCallback]

ReplyCallback = Callable[[bytes, bytes, bytes], None]
"""Called with subject, payload and raw headers."""


class Subscription:
    """Interest in a subject. It stands in nats-py's own table, so a reconnect replays it."""

    __slots__ = ("_id", "_received", "_subject", "callback")

    # What nats-py reads of an entry when it replays, closes or drains; the same for all of ours.
    _queue = ""
    _max_msgs = 0
    _wait_for_msgs_task = None
    _message_iterator = None
    _pending_next_msgs_calls = None

    def __init__(self, sid: int, subject: str, callback: FanInCallback) -> None:
        self._id = sid
        self._subject = subject
        self._received = 0
        self.callback = callback

    async def _drain(self) -> None:
        """Nothing is queued here, so there is nothing to drain."""


class ReplyInbox(Subscription):
    """Where replies come: its callback gets the raw headers too, which say when nobody serves."""

    __slots__ = ("on_reply",)

    def __init__(self, sid: int, subject: str, on_reply: ReplyCallback) -> None:
        super().__init__(sid, subject, _ignore)
        self.on_reply = on_reply


def _ignore(_subject: bytes, _payload: bytes) -> None: ...


class FanInClient(Client):
    """nats-py's client, plus subscriptions, requests and signals that cost no coroutine."""

    def __init__(self) -> None:
        super().__init__()
        self._taken: dict[int, Taken] = {}
        self.owed = 0
        """Requests that were taken and not answered yet."""

    on_callback_error: Callable[[bytes, Exception], None]
    """Called with the subject when a fan-in callback has raised; set before the first subscription."""

    @property
    def subscription_count(self) -> int:
        return len(self._entries)

    def fan_in(self, subject: str, callback: FanInCallback) -> Subscription:
        """Subscribe at once, without waiting for the server. 3.3 µs a message, 0.2 KB.

        Messages of one subscription arrive in the order the server sent them. What a callback raises
        goes to `on_callback_error`; the next message comes all the same.
        """
        self._sid += 1
        subscription = Subscription(self._sid, subject, callback)
        self._entries[self._sid] = subscription
        self._write(wire.sub_cmd(subject, "", self._sid))
        return subscription

    def open_inbox(self, subject: str, on_reply: ReplyCallback) -> ReplyInbox:
        """Subscribe to replies; like `fan_in`."""
        self._sid += 1
        inbox = ReplyInbox(self._sid, subject, on_reply)
        self._entries[self._sid] = inbox
        self._write(wire.sub_cmd(subject, "", self._sid))
        return inbox

    def post(self, subject: str, reply: str, payload: bytes, headers: bytes) -> None:
        """Queue a message for the next flush; `headers` is the whole block, or empty."""
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += len(payload)
        if headers:
            self._write(wire.hpub_cmd(subject, reply, headers, payload))
        else:
            self._write(wire.pub_cmd(subject, reply, payload))

    def leave(self, subscription: Subscription) -> None:
        """Unsubscribe; what is still under way is dropped. Idempotent."""
        if self._entries.pop(subscription._id, None) is not None:  # noqa: SLF001 - our own class
            self._write(wire.unsub_cmd(subscription._id, 0))  # noqa: SLF001 - our own class

    def publish_now(self, subject: str, payload: bytes) -> None:
        """Queue a message for the next flush, without a coroutine. Lost if the link is down."""
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += len(payload)
        self._write(wire.pub_cmd(subject, "", payload))

    def take_requests(self, service: Service, on_request: RequestCallback) -> None:
        """Give a service's newest endpoint its requests from the socket's own read.

        Call at once after it was added: the server has not been told of it yet. NATS micro announces and
        counts as before; its task, queue and parsing of headers, 20 µs a request, are spared.
        """
        endpoint: Endpoint = service._endpoints[-1]  # noqa: SLF001 - micro shows its endpoints to nobody
        subscription = endpoint._subscription  # noqa: SLF001 - nor their subscriptions
        assert subscription is not None, "made when it was added"
        self._taken[subscription._id] = (endpoint, on_request)  # noqa: SLF001 - what the server calls it

    def stop_requests(self) -> None:
        """Get no more of them over this link. They stand in nats-py's table, so the next link brings them."""
        for sid in self._taken:
            if sid in self._entries:
                self._write(wire.unsub_cmd(sid, 0))

    async def reconnect(self) -> None:
        """Close the link and open one to another server, as after the loss of it."""
        await self._process_op_err(nats.errors.StaleConnectionError())

    async def catch_up(self) -> None:
        """Wait until less is unsent than what NATS may still have to take."""
        if self._pending_data_size > _UNSENT_MAX_BYTES:
            await self._flush_pending(force_flush=True)

    async def flush(self, timeout: int = 10) -> None:  # noqa: ASYNC109 - nats-py's own signature
        """Wait until the server has processed all that was sent so far.

        nats-py's PING overtakes what still waits for its flusher: that goes first.
        """
        if self.is_connected:
            await self._flush_pending(force_flush=True)
        await super().flush(timeout)

    async def close(self) -> None:
        """Send what is queued and close; what nobody is there to take is dropped.

        nats-py writes the rest to a link that is down, too: that raises, and leaves it half closed.
        """
        if self.is_connected:
            with suppress(OSError, nats.errors.Error):
                await self._flush_pending(force_flush=True)
        self._pending.clear()
        self._pending_data_size = 0
        await super().close()

    @property
    def _entries(self) -> dict[int, object]:
        return cast("dict[int, object]", self._subs)

    def _write(self, command: bytes) -> None:
        if not self.is_connected:
            return  # a reconnect replays the table of subscriptions; signals are lossy by contract
        self._pending.append(command)
        self._pending_data_size += len(command)
        assert self._flush_queue is not None, "connected"
        if self._flush_queue.empty():
            # The flusher resolves the future it is kicked with; nobody waits for this one.
            self._flush_queue.put_nowait(asyncio.get_running_loop().create_future())

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        entry = self._entries.get(sid)
        if type(entry) is Subscription:
            self.stats["in_msgs"] += 1
            self.stats["in_bytes"] += len(data)
            try:
                entry.callback(subject, data)
            except Exception as exc:  # noqa: BLE001 - the edge of fan-in: raised on, it would end the read loop
                self.on_callback_error(subject, exc)
            return
        if type(entry) is ReplyInbox:
            entry.on_reply(subject, data, headers)
            return
        taken = self._taken.get(sid)
        if taken is not None:
            self._take(taken, subject, reply, data, headers)
            return
        await super()._process_msg(sid, subject, reply, data, headers)

    def _take(
        self,
        taken: tuple[Endpoint, RequestCallback],
        subject: bytes,
        reply: bytes,
        data: bytes,
        headers: bytes,
    ) -> None:
        endpoint, on_request = taken
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(data)
        self.owed += 1
        endpoint._num_requests += 1  # noqa: SLF001 - what `$SRV.STATS` tells
        try:
            on_request(reply, data, headers)
        except Exception as exc:  # noqa: BLE001 - the edge of serving: raised on, it would end the read loop
            self.on_callback_error(subject, exc)
