"""Who is in a cluster, and where: every process has an address of loopback to itself. Starts nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from deploy.local.errors import StartError

DEFAULT_COUNTS: Mapping[str, int] = MappingProxyType(
    {"auth": 2, "messages": 2, "presence": 2, "gateway": 3, "nats": 3}
)
# They are started before the gateways, which ask them.
BACK_SERVICES = ("auth", "messages", "presence")
# The last part of 127.0.0.x is the kind's ten and the number within it.
TENS = {"gateway": 10, "auth": 20, "messages": 30, "presence": 40, "nats": 50}
MAX_OF_A_KIND = 9
HOST_BY_SINGLE = {"postgres": "127.0.0.60", "valkey": "127.0.0.70", "haproxy": "127.0.0.80"}
# HAProxy has two sides: clients come to this one, and it comes to the gateways from its own address.
PUBLIC_HOST = "127.0.0.1"
# People open that side by its name, for which browsers have passkeys.
PUBLIC_NAME = "localhost"


@dataclass(frozen=True)
class Topology:
    """How many there are of each kind, by which name and on which address."""

    counts: Mapping[str, int]

    def __post_init__(self) -> None:
        for kind, count in self.counts.items():
            if kind not in TENS:
                raise StartError(f"{kind!r} is no kind of process; there are {', '.join(TENS)}")
            if not 1 <= count <= MAX_OF_A_KIND:
                raise StartError(f"{count} of {kind} cannot be: there are 1 to {MAX_OF_A_KIND} addresses")

    def list_names(self, kind: str) -> list[str]:
        """Return `gateway-1`, `gateway-2` …"""
        return [f"{kind}-{number}" for number in range(1, self.counts[kind] + 1)]

    def list_hosts(self) -> dict[str, str]:
        """Return the address of each process by its name, and of each private port by that port's name."""
        hosts = dict(HOST_BY_SINGLE)
        for kind in self.counts:
            for number, name in enumerate(self.list_names(kind), 1):
                host = f"127.0.0.{TENS[kind] + number}"
                ports = ("{}_routes", "{}_monitoring") if kind == "nats" else ("health_{}",)
                hosts |= {name: host} | {port.format(name): host for port in ports}
        return hosts

    @property
    def feed_replicas(self) -> int:
        """On how many servers of the bus each event of the feed is kept."""
        return min(3, self.counts["nats"])
