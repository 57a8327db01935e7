"""Answers what this node did with an event of a room, out of what it remembers anyway: for `chatcraft trace`.

Every node is asked and answers. Reads the hub; nothing here is called by the fan-out.
"""

from datetime import timedelta
from time import perf_counter

import msgspec
from nats.aio.msg import Msg

from services.gateway.hub import Hub
from services.gateway.stats import Stats
from shared.bus import Bus
from shared.clock import Clock, to_wire
from shared.contracts.internal import DELIVERIES, Delivery, GetDelivery
from shared.telemetry import get_logger

log = get_logger(__name__)

_decode = msgspec.json.Decoder(GetDelivery).decode


class Deliveries:
    """One per node."""

    def __init__(self, bus: Bus, hub: Hub, stats: Stats, clock: Clock) -> None:
        self._bus = bus
        self._hub = hub
        self._stats = stats
        self._clock = clock

    async def start(self) -> None:
        """Answer from here on."""
        await self._bus.subscribe(DELIVERIES, self._on_message)

    async def _on_message(self, message: Msg) -> None:
        try:
            asked = _decode(message.data)
        except msgspec.DecodeError as exc:
            log.warning("question_not_understood", subject=DELIVERIES, error=str(exc))
            return
        await self._bus.publish(message.reply, msgspec.json.encode(self.find(asked)))

    def find(self, asked: GetDelivery) -> Delivery:
        """Return what is remembered of the event. O(writes kept), some milliseconds."""
        room = self._hub.rooms_by_id.get(asked.room_id)
        if room is None or room.cursor is None:
            return Delivery(self._bus.instance, 0, "no_listener")
        listeners = len(room.live) + len(room.behind) + len(room.ahead) + len(room.unplaced)
        if (room.cursor.epoch, room.cursor.rev) < (asked.epoch, asked.rev):
            return Delivery(self._bus.instance, listeners, "not_yet")
        if room.cursor.epoch != asked.epoch:
            return Delivery(self._bus.instance, listeners, "passed")
        for room_id, rev, together, started_s, written_to in reversed(self._stats.writes_kept):
            if room_id == asked.room_id and rev - together < asked.rev <= rev:
                written_at = self._clock.now() - timedelta(seconds=perf_counter() - started_s)
                return Delivery(
                    self._bus.instance, listeners, "written", to_wire(written_at), written_to, together
                )
        return Delivery(self._bus.instance, listeners, "written" if room.ring.covers(asked.rev) else "passed")
