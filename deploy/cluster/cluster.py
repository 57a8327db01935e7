"""Gateways behind one HAProxy, several of each service, a bus of several servers: processes of one machine.

Tests and benchmarks use it as it is; `python -m deploy.cluster` lets a supervisor keep its processes running.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any, Self

from deploy.cluster.haproxy import Upstream, haproxy_program, sends_to
from deploy.cluster.nats import nats_cluster_programs, nats_cluster_urls
from deploy.cluster.topology import BACK_SERVICES, DEFAULT_COUNTS, PUBLIC_HOST, Topology
from deploy.local.child import Child, LogSink, Program
from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError
from deploy.local.migrations import migrate_embedded
from deploy.local.servers import EmbeddedServers, Endpoints, ExternalUrls, run_together, start_and_wait
from deploy.local.services import Gateway, ServiceSettings, service_program

# Longer than HAProxy takes to see that a gateway drains (1 s until it asks, and once more to be sure).
PRE_STOP_S = 2.0
SENDS_TIMEOUT_S = 30.0
SENDS_POLL_S = 0.02

StartChild = Callable[[Child], Coroutine[Any, Any, None]]


class Cluster:
    """Everything behind one HAProxy. Restarts nothing by itself.

    `counts` and `env` (of the services) are added to what is usual; `log` says where a process's lines go.
    """

    def __init__(
        self,
        data_dir: DataDir,
        *,
        counts: Mapping[str, int] | None = None,
        host: str = PUBLIC_HOST,
        port: int = 0,
        env: Mapping[str, str] | None = None,
        log: Callable[[str], LogSink] | None = None,
        add_layer: Callable[[], StartChild] | None = None,
    ) -> None:
        self.topology = Topology({**DEFAULT_COUNTS, **(counts or {})})
        self.children: dict[str, Child] = {}
        self._data_dir = data_dir
        self._env = dict(env or {})
        self._log = log or data_dir.log_file
        self._add_layer = add_layer or (lambda: start_and_wait)
        self._layers: list[list[Child]] = []
        data_dir.place(self.topology.list_hosts())
        self._public = (host, port or data_dir.port("public"))
        self._upstreams = [self._upstream(name) for name in self.topology.list_names("gateway")]

    @property
    def url(self) -> str:
        """The address that clients use."""
        return f"http://{self._public[0]}:{self._public[1]}"

    @property
    def gateway_urls(self) -> list[str]:
        """The gateways' own addresses, past HAProxy."""
        return [f"http://{each.host}:{each.port}" for each in self._upstreams]

    def health_url(self, name: str) -> str:
        """Return the address of a service process's private port (/livez, /readyz, /metrics)."""
        place = f"health_{name}"
        return f"http://{self._data_dir.host(place)}:{self._data_dir.port_in_use(place)}"

    async def start(self) -> Self:
        """Start the layers in order, and return once HAProxy sends to every gateway. Raises StartError."""
        self.endpoints = await self._start_servers()
        await migrate_embedded(self._data_dir, self.endpoints.database_url)
        await self._start_layer(
            self._service(kind, name) for kind in BACK_SERVICES for name in self.topology.list_names(kind)
        )
        gateways = [
            self._service("gateway", each.name, Gateway(host=each.host, port=each.port))
            for each in self._upstreams
        ]
        log = self._log("haproxy")
        proxy = haproxy_program(self._data_dir, self._public, self._upstreams, log)
        # One layer: HAProxy opens when they are there, and leaves when they have let go of their clients.
        await self._start_layer(gateways, [proxy])
        await asyncio.gather(*(self._wait_sent_to(each.name) for each in self._upstreams))
        return self

    async def stop(self) -> None:
        """Stop the layers, last first."""
        for layer in reversed(self._layers):
            await asyncio.gather(*(child.stop() for child in layer))

    async def __aenter__(self) -> Self:
        try:
            return await self.start()
        except BaseException:
            await self.stop()
            raise

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def restart(self, name: str) -> None:
        """Stop a process if it runs, and start it; return once it is ready, and HAProxy sends to it again."""
        child = self.children[name]
        if name == "haproxy":  # its way to stop in order would wait for the last client to go
            child.send_signal(signal.SIGTERM)
        if child.is_running:
            await child.stop()
        await start_and_wait(child)
        if name.startswith("gateway-") and self.children["haproxy"].is_running:
            await self._wait_sent_to(name)

    async def kill(self, name: str) -> None:
        """SIGKILL; returns once it has ended."""
        child = self.children[name]
        child.send_signal(signal.SIGKILL)
        await child.wait()

    async def _start_servers(self) -> Endpoints:
        names = self.topology.list_names("nats")
        start_child, layer = self._begin_layer()

        async def start(child: Child) -> None:
            self.children[child.name] = child
            layer.append(child)
            await start_child(child)

        servers = EmbeddedServers(self._data_dir, ExternalUrls(nats="the cluster's"), start)
        bus = [Child(program) for program in nats_cluster_programs(self._data_dir, names)]
        await run_together(servers.start(), *map(start, bus))
        return replace(servers.endpoints, nats_url_by_user=nats_cluster_urls(self._data_dir, names))

    async def _start_layer(self, *steps: Iterable[Program]) -> None:
        """Start what belongs together, step by step; it is stopped at the same time."""
        start_child, layer = self._begin_layer()
        for programs in steps:
            children = [Child(program) for program in programs]
            layer += children
            self.children |= {child.name: child for child in children}
            await run_together(*map(start_child, children))

    def _begin_layer(self) -> tuple[StartChild, list[Child]]:
        self._layers.append([])
        return self._add_layer(), self._layers[-1]

    def _service(self, kind: str, name: str, gateway: Gateway | None = None) -> Program:
        place = f"health_{name}"
        health_host, health_port = self._data_dir.host(place), self._data_dir.port(place)
        settings = ServiceSettings(
            endpoints=self.endpoints,
            secret_key=self._data_dir.secret("secret_key"),
            # Whatever it listens on: browsers have passkeys for names only.
            origins=f"http://localhost:{self._public[1]}",
            kept_fds=(self._data_dir.lock_fd,),
            extra_env=self._usual_env() | self._env,
        )
        program = service_program(
            settings, kind, name,
            health_host=health_host, health_port=health_port, gateway=gateway, log=self._log(name),
        )  # fmt: skip
        return replace(program, address=program.address or f"{health_host}:{health_port}")

    def _usual_env(self) -> dict[str, str]:
        usual = {
            "CHATCRAFT_GATEWAY_PRE_STOP_S": str(PRE_STOP_S),
            "CHATCRAFT_GATEWAY_TRUSTED_PROXIES": self._data_dir.host("haproxy"),
            "CHATCRAFT_MESSAGES_FEED_REPLICAS": str(self.topology.feed_replicas),
        }
        return {name: value for name, value in usual.items() if name not in os.environ}

    def _upstream(self, name: str) -> Upstream:
        port, health_port = self._data_dir.port(name), self._data_dir.port(f"health_{name}")
        return Upstream(name=name, host=self._data_dir.host(name), port=port, health_port=health_port)

    async def _wait_sent_to(self, name: str) -> None:
        try:
            async with asyncio.timeout(SENDS_TIMEOUT_S):
                while not await sends_to(self._data_dir, name):  # noqa: ASYNC110 - another process is asked
                    await asyncio.sleep(SENDS_POLL_S)
        except TimeoutError:
            raise StartError(f"HAProxy does not send to {name} after {SENDS_TIMEOUT_S:.0f} s") from None
