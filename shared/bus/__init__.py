"""The bus: subjects, the `Bus` on NATS, and what its users need to speak of it."""

from shared.bus.bus import Bus, BusRequest, Endpoint
from shared.bus.caller import Caller
from shared.bus.fan_in import Subscription

__all__ = ["Bus", "BusRequest", "Caller", "Endpoint", "Subscription"]
