"""Several NATS servers that are one bus: each knows the others by their routes.

`cluster.py` runs them, and the tests that break a bus.
"""

from collections.abc import Sequence

from deploy.local.child import Program
from deploy.local.data_dir import DataDir
from deploy.local.nats import USERS, NatsServer, nats_program, nats_url

ROUTES_USER = "routes"


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
