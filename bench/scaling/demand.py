"""What so many people online need: behaviour and units in, work and numbers of processes out. Pure."""

from dataclasses import dataclass
from math import ceil

from bench.scaling.units import REREAD_EVERY_S, Units
from shared.tokens import ACCESS_TOKEN_S

_HOUR_S = 3_600
# services/gateway/audit.py
_AUDIT_EVERY_S = 15.0
# What one process is given: measured at that many connections, and a core that is not full at the peak.
CONNECTIONS_PER_GATEWAY = 15_000
FULL_CORE = 0.6
# One may go.
AT_LEAST = 2
_SUBJECTS_PER_ROOM = 2  # events and signals
_NATS_SERVERS = 3


@dataclass(frozen=True)
class RoomKind:
    """Rooms of one size: how many of everybody's, and which part of the messages is said there."""

    name: str
    connections: int
    rooms_each: int
    share: float


@dataclass(frozen=True)
class Behaviour:
    """What people do in the busiest hour. Assumed, not measured."""

    connections_per_user: float = 1.2
    messages_per_hour: float = 12
    reads_per_hour: float = 20
    """Read marks: each is a write like a message."""
    pages_per_hour: float = 10
    connects_per_hour: float = 1
    watched: int = 50
    kinds: tuple[RoomKind, ...] = (
        RoomKind("direct", 2, 10, 0.5),
        RoomKind("team", 20, 9, 0.4),
        RoomKind("large", 300, 1, 0.1),
    )
    busy_hours_per_day: float = 8


@dataclass(frozen=True)
class Load:
    """What happens at the peak; rates are a second."""

    users: int
    gateways: int
    connections: float
    messages: float
    messages_per_day: float
    writes: float
    pages: float
    connects: float
    refreshes: float
    deliveries: float
    node_events: float
    """Events, each counted once for every node that has a listener."""
    node_rooms: float
    """Rooms, likewise."""
    watched: float
    """People, each counted once for every node where somebody watches them."""
    subjects: float

    @property
    def reread(self) -> float:
        """Presences that nodes read anew, so that a lost change is found."""
        return self.watched / REREAD_EVERY_S

    @property
    def audited(self) -> float:
        """Positions of rooms that nodes ask for."""
        return self.node_rooms / _AUDIT_EVERY_S


@dataclass(frozen=True)
class Demand:
    """What that asks of each part: cores, bytes, bytes a second."""

    load: Load
    units: Units

    @property
    def gateway_cores(self) -> float:
        """Of all gateways."""
        load = self.load
        return self._cores(
            (load.connects, "connect_us"),
            (load.writes, "send_gateway_us"),
            (load.node_events, "event_us"),
            (load.deliveries - load.node_events, "delivery_us"),
        )

    @property
    def gateway_bytes(self) -> float:
        """Of one gateway."""
        load, units = self.load, self.units
        used = load.connections * units["connection_bytes"] + load.node_rooms * units["lone_room_bytes"]
        return used / load.gateways

    @property
    def messages_cores(self) -> float:
        load = self.load
        asked = self._cores(
            (load.pages, "page_messages_ms"), (load.connects, "sync_messages_ms"), us_of_one=1_000
        )
        return asked + self._cores((load.writes, "send_messages_us")) + self.messages_audit_cores

    @property
    def messages_audit_cores(self) -> float:
        return self._cores((self.load.audited, "audit_messages_us"))

    @property
    def auth_cores(self) -> float:
        return self._cores((self.load.refreshes, "refresh_auth_us"))

    @property
    def presence_cores(self) -> float:
        return self._cores((self.load.reread, "reread_presence_us"))

    @property
    def redis_cores(self) -> float:
        return self._cores(
            (self.load.reread, "reread_redis_us"), (2 * self.load.connects, "transition_redis_us")
        )

    @property
    def proxy_cores(self) -> float:
        return self._cores((self.load.deliveries, "proxy_us"))

    @property
    def nats_cores(self) -> float:
        """Of all servers."""
        return self._cores((self.load.messages, "fed_us"), (self.load.node_events, "copy_us"))

    @property
    def nats_bytes(self) -> float:
        """Of each server: it has its part of the nodes, and knows what those of the others listen to."""
        home, elsewhere = self.units["subject_home_bytes"], self.units["subject_bytes"]
        return self.load.subjects * (home + (_NATS_SERVERS - 1) * elsewhere) / _NATS_SERVERS

    @property
    def postgres_cores(self) -> float:
        load = self.load
        asked = self._cores(
            (load.pages, "page_postgres_ms"), (load.connects, "sync_postgres_ms"), us_of_one=1_000
        )
        written = self._cores((load.writes, "send_postgres_us"), (load.refreshes, "refresh_postgres_us"))
        return asked + written + self.postgres_audit_cores

    @property
    def postgres_audit_cores(self) -> float:
        return self._cores((self.load.audited, "audit_postgres_us"))

    @property
    def wal_bytes_per_s(self) -> float:
        return self.load.writes * self.units["wal_bytes"]

    @property
    def out_bytes_per_s(self) -> float:
        """To clients."""
        return self.load.deliveries * self.units["event_bytes"]

    @property
    def bus_bytes_per_s(self) -> float:
        """Events, from NATS to gateways."""
        return self.load.node_events * self.units["event_bytes"]

    @property
    def return_s(self) -> float:
        """CPU of all parts, if the people of one gateway come back to the others."""
        return self.load.connections / self.load.gateways * self.units["return_us"] / 1e6

    @property
    def return_postgres_s(self) -> float:
        """CPU of PostgreSQL, if everybody came back and no ring could answer."""
        return self.load.connections * self.units["sync_postgres_ms"] / 1_000

    @property
    def disk_bytes_per_day(self) -> float:
        return self.load.messages_per_day * self.units["disk_bytes"]

    def _cores(self, *work: tuple[float, str], us_of_one: float = 1) -> float:
        return sum(per_s * self.units[name] * us_of_one for per_s, name in work) / 1e6


def reckon(users: int, behaviour: Behaviour, units: Units) -> Demand:
    """Return what so many need, with as many gateways as that takes."""
    gateways = max(AT_LEAST, ceil(users * behaviour.connections_per_user / CONNECTIONS_PER_GATEWAY))
    while True:
        demand = Demand(_load(users, behaviour, gateways), units)
        if demand.gateway_cores <= gateways * FULL_CORE:
            return demand
        gateways = ceil(demand.gateway_cores / FULL_CORE)


def _load(users: int, behaviour: Behaviour, gateways: int) -> Load:
    connections = users * behaviour.connections_per_user
    messages = users * behaviour.messages_per_hour / _HOUR_S
    spread = [(kind, _nodes(kind, gateways)) for kind in behaviour.kinds]
    node_rooms = sum(connections * kind.rooms_each / kind.connections * nodes for kind, nodes in spread)
    watched = gateways * min(users, connections / gateways * behaviour.watched)
    return Load(
        users=users,
        gateways=gateways,
        connections=connections,
        messages=messages,
        messages_per_day=messages * behaviour.busy_hours_per_day * _HOUR_S,
        writes=messages + users * behaviour.reads_per_hour / _HOUR_S,
        pages=users * behaviour.pages_per_hour / _HOUR_S,
        connects=connections * behaviour.connects_per_hour / _HOUR_S,
        refreshes=connections / ACCESS_TOKEN_S,
        deliveries=messages * sum(kind.share * kind.connections for kind, _ in spread),
        node_events=messages * sum(kind.share * nodes for kind, nodes in spread),
        node_rooms=node_rooms,
        watched=watched,
        subjects=node_rooms * _SUBJECTS_PER_ROOM + connections + watched,
    )


def _nodes(kind: RoomKind, gateways: int) -> float:
    """Return on how many nodes the members of such a room are, dealt out by chance."""
    return float(gateways * (1 - (1 - 1 / gateways) ** kind.connections))
