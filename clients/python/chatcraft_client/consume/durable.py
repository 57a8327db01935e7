"""One durable JetStream consumer on the feed: attach, pull, acknowledge. Knows no rooms and no order.

Of several processes on one durable the server serves one, the *pinned* one (NATS ADR-42), until it is gone.
"""

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import nats
import nats.errors
from nats.aio.client import Client as Nats
from nats.aio.msg import Msg

from chatcraft_client.errors import ChatCraftError
from shared.contracts.feed import INBOX_PREFIX, STREAM
from shared.credentials import find_credentials

log = logging.getLogger("chatcraft_client")

Start = Literal["new", "all"] | datetime | int
"""Where a durable begins: with what comes, with all that is kept, at a time, at a sequence of the stream."""

ACK_WAIT_S = 10.0
"""What is not acknowledged, nor said to be in progress, comes again after this: the process has died."""
WINDOW = 1_000
"""At most so many events are with a consumer unfinished."""

_CONNECT_S = 10.0
_BATCH = 250
_PULL_S = 3.0
_PULL_GRACE_S = 2.0
_PINNED_S = 8  # whoever has not pulled for so long is gone
_PAUSE_S = 0.5
_GROUP = "one"
_API = "$JS.API.CONSUMER"
_API_TIMEOUT_S = 5.0
_NOT_FOUND = 404
_NANO = 10**9
_WRONG_PIN = "423"
_HEARTBEAT = "100"


@dataclass(frozen=True, slots=True)
class Lost:
    """Another process serves this durable now: what is here unfinished is its business."""


async def connect(nats_url: str, name: str) -> Nats:
    """Connect for good, with inboxes that the feed's user may listen to. Raises ChatCraftError."""
    urls = nats_url.split(",")
    user, password = find_credentials(urls)
    try:
        async with asyncio.timeout(_CONNECT_S):  # nats-py tries for ever, also the first time
            return await nats.connect(
                urls,
                name=name,
                inbox_prefix=INBOX_PREFIX,
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
                ping_interval=3,
                error_cb=_on_error,
                user=user,
                password=password,
            )
    except (OSError, TimeoutError, nats.errors.Error) as exc:
        raise ChatCraftError("unavailable", f"NATS does not answer: {exc or type(exc).__name__}") from exc


async def _on_error(exc: Exception) -> None:
    log.warning("bus: %s", str(exc) or type(exc).__name__)


class Durable:
    """`attach`, then `run`; what arrives is in `arrived`."""

    def __init__(self, nc: Nats, name: str, subjects: list[str]) -> None:
        self._nc = nc
        self.name = name
        self._subjects = subjects
        self._pin: str | None = None
        self._number = 0
        self._left = 0
        self._ended = asyncio.Event()
        self._has_refused = False
        self.arrived: asyncio.Queue[Msg | Lost] = asyncio.Queue()

    async def attach(self, start: Start) -> None:
        """Make the durable, to begin at `start`; one that exists goes on where it was."""
        found = await self._ask("INFO", {})
        if (error := found.get("error")) is None:
            config = found["config"]
            if sorted(config.get("filter_subjects") or []) == sorted(self._subjects):
                return
            await self._create({**config, "filter_subjects": self._subjects}, "update")
        elif error.get("code") == _NOT_FOUND:
            await self._create(self._config(start), "")
        else:
            raise ChatCraftError("unavailable", f"durable {self.name}: {error.get('description')}")

    async def delete(self) -> None:
        """Forget the durable; idempotent."""
        await self._ask("DELETE", {})

    async def leave(self) -> None:
        """Let the next process have it at once; whoever dies without a word is waited for."""
        if self._pin is not None:
            with suppress(ChatCraftError):
                await self._ask("UNPIN", {"group": _GROUP})

    async def run(self) -> None:
        """Pull until cancelled. Raises ChatCraftError if the durable was deleted."""
        inbox = self._nc.new_inbox()
        await self._nc.subscribe(f"{inbox}.*", cb=self._on_message)
        while True:
            self._number += 1
            self._left, self._has_refused = _BATCH, False
            self._ended.clear()
            request: dict[str, Any] = {"batch": _BATCH, "expires": int(_PULL_S * _NANO), "group": _GROUP}
            if self._pin is not None:
                request["id"] = self._pin
            with suppress(TimeoutError, nats.errors.Error):
                # Not wait_for: before Python 3.12 it may swallow a cancellation.
                subject = f"{_API}.MSG.NEXT.{STREAM}.{self.name}"
                await self._nc.publish(subject, json.dumps(request).encode(), f"{inbox}.{self._number}")
                async with asyncio.timeout(_PULL_S + _PULL_GRACE_S):
                    await self._ended.wait()
            if self._has_refused:
                await asyncio.sleep(_PAUSE_S)

    async def say(self, reply: str, word: Literal["+ACK", "-NAK", "+WPI"]) -> None:
        """Answer for one event. What is lost on the way has it delivered again, which does no harm."""
        with suppress(nats.errors.Error):
            await self._nc.publish(reply, word.encode())

    async def _on_message(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            self._hold_pin(headers.get("Nats-Pin-Id"))
            self.arrived.put_nowait(message)
            self._left -= 1
            if self._left <= 0:
                self._ended.set()
        elif status != _HEARTBEAT and message.subject.endswith(f".{self._number}"):
            if status == _WRONG_PIN:
                self._hold_pin(None)
            # 408 is an empty pull's ordinary end; anything else must not become a storm.
            self._has_refused = status != "408"
            if self._has_refused:
                log.info("durable %s: %s %s", self.name, status, headers.get("Description", ""))
            self._ended.set()

    def _hold_pin(self, pin: str | None) -> None:
        if self._pin is not None and pin != self._pin:
            self.arrived.put_nowait(Lost())
        self._pin = pin

    def _config(self, start: Start) -> dict[str, Any]:
        begin: dict[str, Any]
        match start:
            case datetime():
                at = start.astimezone(UTC).isoformat().replace("+00:00", "Z")
                begin = {"deliver_policy": "by_start_time", "opt_start_time": at}
            case int():
                begin = {"deliver_policy": "by_start_sequence", "opt_start_seq": start}
            case _:
                begin = {"deliver_policy": start}
        return begin | {
            "durable_name": self.name,
            "ack_policy": "explicit",
            "ack_wait": int(ACK_WAIT_S * _NANO),
            "max_ack_pending": WINDOW,
            "filter_subjects": self._subjects,
            "priority_groups": [_GROUP],
            "priority_policy": "pinned_client",
            "priority_timeout": _PINNED_S * _NANO,
        }

    async def _create(self, config: dict[str, Any], action: str) -> None:
        body = {"stream_name": STREAM, "config": config, "action": action}
        answer = await self._ask("CREATE", body)
        if error := answer.get("error"):
            code = "unavailable" if error.get("code") == _NOT_FOUND else "invalid_input"
            raise ChatCraftError(code, f"durable {self.name}: {error.get('description')}")

    async def _ask(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        subject = f"{_API}.{verb}.{STREAM}.{self.name}"
        payload = json.dumps(body).encode() if body else b""
        try:
            message = await self._nc.request(subject, payload, timeout=_API_TIMEOUT_S)
        except (nats.errors.Error, TimeoutError) as exc:
            raise ChatCraftError("unavailable", f"JetStream does not answer: {exc}") from exc
        answer: dict[str, Any] = json.loads(message.data)
        return answer
