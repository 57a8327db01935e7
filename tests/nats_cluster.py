"""A ChatCraft on a cluster of three NATS servers: each has the product's own configuration, and routes."""

from dataclasses import replace
from typing import Any, Self

from deploy.cluster.nats import list_clients, nats_cluster_programs, nats_cluster_urls, send_away
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
        running = [server.name for server in self._cluster if server.is_running]
        clients = {name: await list_clients(self._data_dir, name) for name in running}
        return [name for name in running for each in clients[name] if each == client]

    async def send_away(self, server: str) -> None:
        """Let a server tell its clients to go, and end it once they have."""
        await send_away(self._data_dir, self.find(server))
        await self.find(server).stop()

    def url_of(self, server: str, user: str) -> str:
        """Return where one of the servers is, for a user."""
        return nats_url(self._data_dir, user, server)
