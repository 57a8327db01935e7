"""The bus: subjects, the `Bus` on NATS, and what its users need to speak of it."""

from shared.bus.bus import Bus
from shared.bus.caller import Caller
from shared.bus.fan_in import Subscription
from shared.bus.served import BusRequest, Endpoint

__all__ = ["Bus", "BusRequest", "Caller", "Endpoint", "Subscription"]
