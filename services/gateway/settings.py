"""Settings of the gateway, from `CHATCRAFT_*` and `CHATCRAFT_GATEWAY_*`."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from shared.settings import ServiceSettings

_WEB_DIR = Path(__file__).resolve().parents[2] / "web" / "dist"


class GatewaySettings(ServiceSettings):
    """What a gateway node needs to know; all times in seconds."""

    gateway_host: str = "localhost"
    gateway_port: int = 8080
    gateway_web_dir: Path = _WEB_DIR
    """The built web client; without it only the API is served."""
    gateway_rate_factor: float = Field(default=1.0, gt=0)
    """Multiplies the command limits, for load tests."""
    gateway_token_commands_per_s: int = Field(default=20, ge=1)
    """How many commands a second all API tokens of one user may send to a node, together."""
    gateway_token_commands_burst: int = Field(default=60, ge=1)
    """How many of them at once."""
    gateway_allowed_origins: str = ""
    """Further origins that may open sockets, separated by commas; the own one always may."""
    gateway_connections_max: int = Field(default=19_000, gt=0)
    """Beyond this many sockets a node answers 503; never more than `ulimit -n` has room for."""
    gateway_ping_s: int = Field(default=25, ge=1)
    """How often a connection is pinged; below the idle timeout of whatever proxies stand before it."""
    gateway_silence_s: int = Field(default=45, ge=3)
    """A connection that was not heard of for so long is gone; more than one ping."""
    gateway_unread_s: float = Field(default=30.0, gt=0)
    """How long a slow reader may leave unread what it was sent, before it is closed."""
    gateway_compression: Literal["off", "on"] = "off"
    """Whether sockets are offered permessage-deflate: fewer bytes for more CPU."""
    gateway_crowd_size: int = Field(default=500, ge=1)
    """A room with so many connections on a node is a crowd: who looks elsewhere is not told everything."""
    gateway_drain_s: float = Field(default=5.0, ge=0)
    """How long the closes of a drain are spread."""
    gateway_pre_stop_s: float = Field(default=0.0, ge=0)
    """How long to go on listening after SIGTERM, until load balancers have noticed."""

    gateway_trusted_proxies: str = ""
    """Addresses or networks whose word counts on who asks and whether by TLS, separated by commas."""
    gateway_trace_ratio: float = Field(default=0.01, ge=0, le=1)
    """Which part of the commands is traced, where there is a collector."""
    gateway_trace_proxies: str = ""
    """Whose `traceparent` on REST requests is believed: addresses or networks, separated by commas."""

    @field_validator("gateway_trusted_proxies", "gateway_trace_proxies")
    @classmethod
    def _check_proxies(cls, value: str) -> str:
        # uvicorn takes what it cannot read for a name, and trusts nobody: the mistake would go unnoticed.
        for each in filter(None, value.split(",")):
            try:
                ip_network(each.strip())
            except ValueError:
                raise ValueError(f"{each.strip()} is no address and no network such as 10.0.0.0/8") from None
        return value

    @property
    def trace_proxies(self) -> list[IPv4Network | IPv6Network]:
        return [ip_network(each) for each in _split(self.gateway_trace_proxies)]

    @property
    def allowed_origins(self) -> frozenset[str]:
        return frozenset(_split(self.gateway_allowed_origins))


def _split(listed: str) -> list[str]:
    return [each.strip() for each in listed.split(",") if each.strip()]
