"""A ChatCraft on a cluster of three NATS servers: each has the product's own configuration, and routes."""

from dataclasses import replace
from typing import Any, Self

import httpx2

from deploy.cluster.nats import monitoring_url, nats_cluster_programs, nats_cluster_urls
from deploy.local.child import Child
from deploy.local.data_dir import DataDir
from deploy.local.nats import nats_url
from deploy.local.servers import EmbeddedServers, Endpoints, ExternalUrls, run_together, start_and_wait
from tests.stack import Stack

NAMES = ("nats-1", "nats-2", "nats-3")


class ClusteredStack(Stack):
    """Every service is given the URLs of all three servers, and takes whichever it likes."""

    def __init__(self, name: str, data_dir: DataDir, **options: Any) -> None:
        super().__init__(name, data_dir, **options)
        self.servers = EmbeddedServers(data_dir, ExternalUrls(nats="the cluster's"))
        self._cluster = [Child(program) for program in nats_cluster_programs(data_dir, NAMES)]
        self.servers.children += self._cluster

    @property
    def endpoints(self) -> Endpoints:
        """Where the stores are."""
        return replace(super().endpoints, nats_url_by_user=nats_cluster_urls(self._data_dir, NAMES))

    async def start(self) -> Self:
        await run_together(*map(start_and_wait, self._cluster))
        return await super().start()

    async def list_servers_of(self, client: str) -> list[str]:
        """Return on which server each connection of that name is, as `["nats-1", "nats-3"]`."""
        found: list[str] = []
        async with httpx2.AsyncClient(timeout=10) as http:
            for server in self._cluster:
                if server.is_running:
                    answer = (await http.get(f"{monitoring_url(self._data_dir, server.name)}/connz")).json()
                    found += [server.name for each in answer["connections"] if each.get("name") == client]
        return found

    def url_of(self, server: str, user: str) -> str:
        """Return where one of the servers is, for a user."""
        return nats_url(self._data_dir, user, server)
