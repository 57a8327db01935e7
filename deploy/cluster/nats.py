"""Several NATS servers that are one bus: each knows the others by their routes.

`cluster.py` runs them, and the tests that break a bus.
"""

import asyncio
import signal
from collections.abc import Sequence

import httpx2

from deploy.local.child import Child, Program
from deploy.local.data_dir import DataDir
from deploy.local.nats import USERS, NatsServer, nats_program, nats_url

ROUTES_USER = "routes"
# Who leaves a server by itself when that says that it will go.
MOVING_CLIENTS = frozenset({"auth", "gateway", "messages", "presence"})
MOVE_TIMEOUT_S = 15.0
MOVE_POLL_S = 0.05


def nats_cluster_programs(data_dir: DataDir, names: Sequence[str]) -> list[Program]:
    """Write their configurations and return how to run each; a single one is no cluster."""
    routes = ", ".join(_route(data_dir, name) for name in names) if len(names) > 1 else ""
    return [nats_program(data_dir, _server(data_dir, name, routes)) for name in names]


def nats_cluster_urls(data_dir: DataDir, names: Sequence[str]) -> dict[str, str]:
    """Return for each user of the bus where all the servers are, separated by commas."""
    return {user: ",".join(nats_url(data_dir, user, name) for name in names) for user in USERS}


def monitoring_url(data_dir: DataDir, name: str) -> str:
    """Return where a server tells of itself (/connz, /healthz, /jsz)."""
    return f"http://{data_dir.host(name)}:{data_dir.port_in_use(f'{name}_monitoring')}"


async def list_clients(data_dir: DataDir, name: str) -> list[str]:
    """Return what each connection to a server calls itself. Raises httpx2.HTTPError if it does not answer."""
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
        answer = (await http.get(f"{monitoring_url(data_dir, name)}/connz")).json()
    return [each.get("name", "") for each in answer["connections"]]


async def send_away(data_dir: DataDir, server: Child) -> None:
    """Let a server tell its clients to go; return once ours have, or have had their time.

    Stopped without it, a server cuts off whatever is under way.
    """
    server.send_signal(signal.SIGUSR2)
    try:
        async with asyncio.timeout(MOVE_TIMEOUT_S):
            while await _has_ours(data_dir, server.name):  # noqa: ASYNC110 - another process is asked
                await asyncio.sleep(MOVE_POLL_S)
    except (TimeoutError, httpx2.HTTPError):
        return  # somebody stays, or it has ended by itself


async def _has_ours(data_dir: DataDir, name: str) -> bool:
    return not MOVING_CLIENTS.isdisjoint(await list_clients(data_dir, name))


def _server(data_dir: DataDir, name: str, routes: str) -> NatsServer:
    host = data_dir.host(name)
    more = f'http: "{host}:{data_dir.port(f"{name}_monitoring")}"\n'
    if routes:
        listen = f"{host}:{data_dir.port_in_use(f'{name}_routes')}"
        guard = f'authorization {{ user: {ROUTES_USER}, password: "{_password(data_dir)}" }}'
        more += f'cluster {{ name: chatcraft, listen: "{listen}", {guard}, routes: [{routes}] }}'
    return NatsServer(process=name, name=name, more=more)


def _route(data_dir: DataDir, name: str) -> str:
    place = f"{data_dir.host(name)}:{data_dir.port(f'{name}_routes')}"
    return f'"nats://{ROUTES_USER}:{_password(data_dir)}@{place}"'


def _password(data_dir: DataDir) -> str:
    return data_dir.secret(f"nats_{ROUTES_USER}")
