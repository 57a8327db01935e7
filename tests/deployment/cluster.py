"""The pods of the overlay `dev` as processes on loopback; and compose's gateway, with HAProxy in front."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.cluster.haproxy import Upstream, find_haproxy, render
from deploy.local import nats, probe, valkey
from deploy.local.ports import pick_free
from tests.deployment.containers import SECRETS_DIR, Container, of_manifests
from tests.deployment.image import HOME
from tests.deployment.rendering import Manifests
from tests.deployment.running import HOST, Process, start
from tests.wire import eventually, new_id

SERVICES = ("auth", "gateway", "messages", "presence")
STORES = ("nats", "valkey")
READY_S = 60


class Places:
    """Where everything is in place of the cluster's names, and how it is started there."""

    def __init__(self, manifests: Manifests, image: Path, folder: Path, database_url: str) -> None:
        self.containers = {each.name: each for each in of_manifests(manifests)}
        self.folder = folder
        self.ports = {name: _pick_ports(each.ports) for name, each in self.containers.items()}
        secret = self.containers["migrate"].files_by_mount[SECRETS_DIR]
        self._names = {
            HOME: str(image),
            secret["CHATCRAFT_DATABASE_URL"]: database_url,
            "@nats:4222": f"@{HOST}:{self.ports['nats']['nats']}",
            "@valkey:6379": f"@{HOST}:{self.ports['valkey']['valkey']}",
            "/data": str(folder / "volumes"),
            "nats-server": str(nats._find_binary()),
            "valkey-server": str(valkey._find_binary()),
        }

    async def start_store(self, name: str) -> Process:
        """Start NATS or Valkey with the manifest's command, at ports that are its own here."""
        ports = self.ports[name]
        (self.folder / "volumes").mkdir(exist_ok=True)
        if name == "nats":
            more = f"--addr {HOST} --port {ports['nats']} --http_port {ports['monitor']}"
        else:
            more = f"--bind {HOST} --port {ports['valkey']}"
        return await self._start(self.containers[name], ports, self._names, more)

    async def start_ours(
        self, container: Container, ports: Mapping[str, int], names: Mapping[str, str] | None = None
    ) -> Process:
        """Start a container of ours; its addresses are the one thing that is changed."""
        addresses = {
            "CHATCRAFT_HEALTH_HOST": HOST,
            "CHATCRAFT_HEALTH_PORT": str(ports.get("health", 0)),
            "CHATCRAFT_GATEWAY_HOST": HOST,
            "CHATCRAFT_GATEWAY_PORT": str(ports.get("http", 0)),
        }
        moved = replace(container, env=container.env | addresses)
        return await self._start(moved, ports, self._names | dict(names or {}))

    async def _start(
        self, container: Container, ports: Mapping[str, int], names: Mapping[str, str], more: str = ""
    ) -> Process:
        folder = self.folder / new_id()
        folder.mkdir()
        return await start(container, folder, names=names, ports=ports, more=more.split())


@dataclass
class Cluster:
    """What runs, by the names of the manifests."""

    places: Places
    processes: dict[str, Process] = field(default_factory=dict)
    migrations: list[Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.places.ports['gateway']['http']}"

    async def start(self) -> None:
        """Start the stores, migrate twice, start the services; does not wait for these."""
        for name in STORES:
            self.processes[name] = await self.places.start_store(name)
        await asyncio.gather(*(self.processes[name].wait_ready() for name in STORES))
        for _ in range(2):  # the second finds nothing to do, as after a repeated apply
            migration = await self._start("migrate")
            self.migrations.append(migration)
            await asyncio.wait_for(migration.process.wait(), 120)
        for name in SERVICES:  # in no order: each waits for what it needs
            self.processes[name] = await self._start(name)

    async def _start(self, name: str) -> Process:
        return await self.places.start_ours(self.places.containers[name], self.places.ports[name])

    async def wait_ready(self) -> None:
        for name in SERVICES:
            await self.processes[name].wait_ready()

    async def start_behind_proxy(self, gateway: Container) -> str:
        """Start compose's gateway with HAProxy as configured there; returns the address of the latter."""
        ports = _pick_ports(("http", "health"))
        networks = {gateway.env["CHATCRAFT_GATEWAY_TRUSTED_PROXIES"]: HOST}  # where the proxy connects from
        self.processes["gateway of compose"] = await self.places.start_ours(gateway, ports, networks)
        await eventually(lambda: probe.is_http_ok(HOST, ports["health"], "/readyz"), READY_S)
        public = pick_free()
        file = self.places.folder / "haproxy.cfg"
        upstream = Upstream(name="gateway", host=HOST, port=ports["http"], health_port=ports["health"])
        file.write_text(render((HOST, public), [upstream]), encoding="utf-8")
        proxy = Container("proxy", "haproxy", [str(find_haproxy()), "-f", str(file)], {}, {})
        self.processes["proxy"] = await self.places._start(proxy, {}, {})
        await eventually(lambda: probe.is_http_ok(HOST, public, "/"), READY_S)
        return f"http://{HOST}:{public}"

    async def stop(self) -> None:
        """Stop what still runs."""
        everybody = [*self.processes.values(), *self.migrations]
        await asyncio.gather(*(each.stop(30) for each in everybody))


def _pick_ports(names: "tuple[str, ...] | Mapping[str, int]") -> dict[str, int]:
    return {name: pick_free() for name in names}
