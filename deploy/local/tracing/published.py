"""What NATS knows of a message: its event in the feed, and what each gateway did with it."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from deploy.local.doctor.bus import Asker, ask_all, read_time
from shared.bus.subjects import room_event
from shared.contracts.feed import STREAM
from shared.contracts.internal import DELIVERIES, Delivery, GetDelivery

_TIMEOUT_S = 5
# The feed's clock is another than the database's.
_CLOCKS_APART = timedelta(seconds=5)
_LOOKED_AT_MAX = 2_000


class _Named(Struct):
    id: str


class _Event(Struct):
    epoch: int
    rev: int
    d: _Named


class Published(NamedTuple):
    """The event `message.created` as the feed holds it."""

    sequence: int
    at: datetime
    epoch: int
    rev: int


async def find_published(
    client: Asker, room_id: str, message_id: str, created_at: datetime
) -> Published | None:
    """Return the event by which the message was published; None if the feed has it no longer, or not yet.

    Goes through the room's messages from that moment on, at most 2,000.
    """
    subject = room_event(room_id, "message.created")
    since = (created_at - _CLOCKS_APART).astimezone(UTC).isoformat()
    question: dict[str, Any] = {"next_by_subj": subject, "start_time": since}
    for _ in range(_LOOKED_AT_MAX):
        raw = await client.request(
            f"$JS.API.STREAM.MSG.GET.{STREAM}", json.dumps(question).encode(), timeout=_TIMEOUT_S
        )
        found = json.loads(raw.data).get("message")
        if found is None:
            return None
        event = msgspec.json.decode(base64.b64decode(found["data"]), type=_Event)
        if event.d.id == message_id:
            at = read_time(found["time"])
            return Published(found["seq"], at, event.epoch, event.rev)
        question = {"next_by_subj": subject, "seq": found["seq"] + 1}
    return None


async def ask_gateways(client: Asker, room_id: str, epoch: int, rev: int) -> Sequence[Delivery]:
    """Return what every gateway knows of an event, in a fixed order."""
    question = msgspec.json.encode(GetDelivery(room_id, epoch, rev))
    answers = [
        msgspec.json.decode(each, type=Delivery) for each in await ask_all(client, DELIVERIES, question)
    ]
    return sorted(answers, key=lambda each: each.node_id)
