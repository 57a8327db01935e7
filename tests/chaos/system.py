"""The system under chaos: a proxy of its own for each process to each store, and for clients to each gateway.

What is done to it is in `troubles.py`. Those who judge ask the stores and private ports directly.
"""

import re
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from deploy.local.child import Child
from deploy.local.data_dir import DataDir
from tests.chaos.schedule import BUS_LINKS, COUNTS, DOORS, NATS, SERVICES, STORE_LINKS
from tests.faults.standby import with_port
from tests.nats_cluster import ClusteredStack
from tests.stack import HOST
from tests.tcp_proxy import TcpProxy

_ENV = {"CHATCRAFT_MESSAGES_FEED_REPLICAS": "3"}
_URLS = {
    "postgres": "CHATCRAFT_DATABASE_URL",
    "valkey": "CHATCRAFT_REDIS_URL",
    "nats": "CHATCRAFT_NATS_URL",
}


class ChaosStack(ClusteredStack):
    """Three gateways, two of each service, three NATS servers; `links` are the proxies by their names."""

    def __init__(self, name: str, data_dir: DataDir, **options: Any) -> None:
        super().__init__(name, data_dir, counts=COUNTS, env=_ENV, **options)
        self.links: dict[str, TcpProxy] = {}
        self._proxies = AsyncExitStack()
        for child in self.servers.children:
            _keep_from_telling_of_others(child)

    @property
    def doors(self) -> list[str]:
        """Where clients find each gateway."""
        return [f"http://{HOST}:{self.links[door].port}" for door in DOORS]

    async def start(self) -> Self:
        ports = {store: self._data_dir.port(store) for store in ("postgres", "valkey")}
        ports |= {server: urlsplit(self.url_of(server, "gateway")).port or 0 for server in NATS}
        for link in (*STORE_LINKS, *BUS_LINKS):
            await self._open(link, ports[link.partition("~")[2]])
        await super().start()
        for door, url in zip(DOORS, self.gateway_urls, strict=True):
            await self._open(door, urlsplit(url).port or 0)
        return self

    async def stop(self) -> None:
        await super().stop()
        await self._proxies.aclose()

    def find_links(self, name: str) -> list[TcpProxy]:
        """Return the links of that name: `auth-0~nats` are all three to the bus."""
        return [proxy for link, proxy in self.links.items() if link.startswith(name)]

    def find_by_name(self, name: str) -> Child:
        """Return a process: `gateway-1`, `nats-0`, `postgres`."""
        service, _, index = name.rpartition("-")
        return self.find(service, int(index)) if name in SERVICES else self.find(name)

    async def _open(self, link: str, port: int) -> None:
        self.links[link] = await self._proxies.enter_async_context(TcpProxy(port))

    def _child(self, service: str, index: int) -> Child:
        child = super()._child(service, index)
        env = dict(child.program.env)
        for store, variable in _URLS.items():
            env[variable] = self._lead_through(f"{service}-{index}", store, env[variable])
        child.program = replace(child.program, env=env)
        return child

    def _lead_through(self, process: str, store: str, urls: str) -> str:
        """Put the ports of the proxies into one or several URLs, where the process has any to that store."""
        ports = [proxy.port for link, proxy in self.links.items() if link.startswith(f"{process}~{store}")]
        pairs = zip(urls.split(","), ports, strict=False)
        return ",".join(with_port(url, port) for url, port in pairs) or urls


def _keep_from_telling_of_others(server: Child) -> None:
    """Whoever learns the other servers' own addresses from one of them goes around the proxies."""
    config = Path(server.program.argv[-1])
    text, count = re.subn(r"(?m)^cluster \{", "cluster { no_advertise: true, ", config.read_text("utf-8"))
    assert count == 1, config
    config.write_text(text, "utf-8")
