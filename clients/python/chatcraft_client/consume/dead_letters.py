"""Where an event goes that a handler has refused too often: a stream of its own, with the reason."""

import msgspec
from nats.js import JetStreamContext

from chatcraft_client.consume.delivery import Delivery
from shared.contracts.feed import dead_subject

_REASON_MAX = 500


async def bury(jetstream: JetStreamContext, durable: str, delivery: Delivery, exc: Exception) -> None:
    """Store the event's own bytes; returns once JetStream has them. Raises nats-py's errors."""
    event = delivery.event
    place = f"{event.room_id}:{event.epoch}:{event.rev}"
    reason = f"{type(exc).__name__}: {exc}".encode("ascii", "replace").decode()
    headers = {
        "Nats-Msg-Id": f"{durable}:{place}",
        "Chat-Place": place,
        "Chat-Event": event.name,
        "Chat-Tries": str(delivery.tries),
        "Chat-Reason": " ".join(reason.split())[:_REASON_MAX],
    }
    payload = delivery.arrivals[0].payload if len(delivery.arrivals) == 1 else _encode(delivery)
    await jetstream.publish(dead_subject(durable), payload, headers=headers)


def _encode(delivery: Delivery) -> bytes:
    event = delivery.event
    frame = {"ev": event.name, "room_id": event.room_id, "epoch": event.epoch, "rev": event.rev}
    return msgspec.json.encode(frame | {"d": event.data})
