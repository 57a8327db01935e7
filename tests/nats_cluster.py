"""A ChatCraft on a cluster of three NATS servers: each has the product's own configuration, and routes."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx2

from deploy.local import probe
from deploy.local.child import Child, Program
from deploy.local.data_dir import DataDir
from deploy.local.nats import HOST, USERS, nats_program, nats_url
from deploy.local.servers import EmbeddedServers, Endpoints, ExternalUrls, run_together, start_and_wait
from tests.stack import Stack

NAMES = ("nats-0", "nats-1", "nats-2")


class ClusteredStack(Stack):
    """Every service is given the URLs of all three servers, and takes whichever it likes."""

    def __init__(self, name: str, data_dir: DataDir, **options: Any) -> None:
        super().__init__(name, data_dir, **options)
        self.servers = EmbeddedServers(data_dir, ExternalUrls(nats="the cluster's"))
        self._cluster = [Child(program) for program in _programs(data_dir)]
        self.servers.children += self._cluster

    @property
    def endpoints(self) -> Endpoints:
        """Where the stores are."""
        urls = {user: ",".join(self.url_of(name, user) for name in NAMES) for user in USERS}
        return replace(super().endpoints, nats_url_by_user=urls)

    async def start(self) -> Self:
        await run_together(*map(start_and_wait, self._cluster))
        return await super().start()

    async def list_servers_of(self, client: str) -> list[str]:
        """Return on which server each connection of that name is, as `["nats-0", "nats-2"]`."""
        found: list[str] = []
        async with httpx2.AsyncClient(timeout=10) as http:
            for server in self._cluster:
                if server.is_running:
                    port = self._data_dir.port_in_use(f"{server.name}_monitoring")
                    answer = (await http.get(f"http://{HOST}:{port}/connz")).json()
                    found += [server.name for each in answer["connections"] if each.get("name") == client]
        return found

    def url_of(self, server: str, user: str) -> str:
        """Return where one of the servers is, for a user."""
        url = nats_url(self._data_dir, user)
        port, own = (self._data_dir.port_in_use(name) for name in (server, "nats"))
        return url.replace(f":{own}", f":{port}")


def _programs(data_dir: DataDir) -> list[Program]:
    single = nats_program(data_dir)
    config = Path(single.argv[-1]).read_text(encoding="utf-8")
    routes = [f'"nats://{HOST}:{data_dir.port(f"{name}_routes")}"' for name in NAMES]
    return [_program(data_dir, name, single, config, ", ".join(routes)) for name in NAMES]


def _program(data_dir: DataDir, name: str, single: Program, config: str, routes: str) -> Program:
    port, monitoring = data_dir.port(name), data_dir.port(f"{name}_monitoring")
    own = {
        r"^server_name: .*": f"server_name: {name}",
        r"^listen: .*": f'listen: "{HOST}:{port}"\nhttp: "{HOST}:{monitoring}"',
        r'store_dir: "[^"]*"': f'store_dir: "{data_dir.path / name}"',
    }
    for pattern, line in own.items():
        config, count = re.subn(pattern, line, config, flags=re.MULTILINE)
        assert count == 1, pattern
    listen = f"{HOST}:{data_dir.port_in_use(f'{name}_routes')}"
    config += f'cluster {{ name: chatcraft, listen: "{listen}", routes: [{routes}] }}\n'
    return replace(
        single,
        name=name,
        argv=(*single.argv[:-1], str(data_dir.write_private(f"{name}.conf", config))),
        log=data_dir.log_file(name),
        is_ready=partial(_is_ready, port),
        address=f"{HOST}:{port}",
    )


async def _is_ready(port: int, _pid: int) -> bool:
    return (await probe.ask(HOST, port, b"")).startswith(b"INFO ")
