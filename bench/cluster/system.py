"""ChatCraft on several nodes as it is measured: processes of one machine, and the people in it."""

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from bench.load.measure import CpuMeter, rss_bytes
from bench.load.plan import Plan
from bench.load.population import MadeRoom, Person, Population
from bench.load.statements import StatementLog
from deploy.cluster.cluster import Cluster
from deploy.local.child import Child
from deploy.local.data_dir import DataDir
from deploy.local.postgres import postgres_url
from deploy.local.servers import start_and_wait

_ENV = {
    "CHATCRAFT_LOG_LEVEL": "warning",
    "CHATCRAFT_AUTH_RATE_FACTOR": "1000",
    "CHATCRAFT_GATEWAY_RATE_FACTOR": "1000",
}
_ROOM_SIZE = 100
# PostgreSQL has a process for each connection, HAProxy may have a worker.
_WITH_DESCENDANTS = ("postgres", "haproxy")


@dataclass
class System:
    """A running cluster."""

    cluster: Cluster
    population: Population
    data_dir: DataDir
    more: list[Child] = field(default_factory=list)
    """Further HAProxys."""

    @property
    def processes(self) -> dict[str, int]:
        """All that run, by name."""
        children = [*self.cluster.children.values(), *self.more]
        return {child.name: child.pid for child in children if child.is_running}

    def list_names(self, kind: str) -> list[str]:
        """Return the processes of a kind: gateway, messages, nats …"""
        return [name for name in self.processes if get_kind(name) == kind]

    def meter(self, load: dict[str, int]) -> CpuMeter:
        """Begin to note what every process uses; `load` are the generators'."""
        pids = self.processes
        trees = {name: pid for name, pid in pids.items() if get_kind(name) in _WITH_DESCENDANTS}
        plain = {name: pid for name, pid in pids.items() if name not in trees}
        return CpuMeter(plain | load, trees)

    def read_memory(self) -> dict[str, int]:
        """Return the resident bytes of each kind of process, PostgreSQL's apart: it shares most of them."""
        found: dict[str, int] = {}
        for name, pid in self.processes.items():
            if (kind := get_kind(name)) != "postgres":
                found[kind] = found.get(kind, 0) + rss_bytes(pid)
        return found

    def log_statements(self) -> StatementLog:
        """Return what counts the statements that reach PostgreSQL."""
        return StatementLog(
            postgres_url(self.data_dir, as_admin=True), self.data_dir.path / "logs" / "postgres.log"
        )

    async def add_door(self) -> None:
        """Start one more HAProxy on the same port; the kernel deals them the connections."""
        program = self.cluster.children["haproxy"].program
        door = Child(replace(program, name=f"haproxy-{len(self.more) + 2}"))
        self.more.append(door)
        await start_and_wait(door)

    async def remove_doors(self) -> None:
        """Stop the further HAProxys."""
        while self.more:
            await self.more.pop().stop()

    async def add_people(self, count: int, rooms_each: int) -> list[Person]:
        """Add people who are in as many rooms each, of 100 or of everybody."""
        people = await self.population.add_people(count)
        size = min(_ROOM_SIZE, count)
        rooms: list[Sequence[Person]] = []
        for turn in range(rooms_each):
            shifted = people[turn:] + people[:turn]
            rooms += [shifted[start : start + size] for start in range(0, count, size)]
        await self.population.add_rooms(rooms)
        return people

    def plan(self, people: Sequence[Person], rooms: Sequence[MadeRoom] = (), url: str = "") -> Plan:
        """Return how these people connect, through HAProxy or to a URL, and the rooms that get events."""
        parts = urlsplit(url or self.cluster.url)
        return Plan(
            kind="chatcraft",
            server_pid=self.cluster.children["gateway-1"].pid,
            host=parts.hostname or "",
            port=parts.port or 0,
            members=len(people),
            tokens=[person.token for person in people],
            nats_url=self.cluster.endpoints.nats_url_by_user["messages"],
            rooms=[(room.id, room.rev, len(room.members)) for room in rooms],
        )


def get_kind(name: str) -> str:
    """Return `gateway` for `gateway-2`."""
    return name.rpartition("-")[0] or name


def add_up(values: dict[str, float]) -> dict[str, float]:
    """Return the sum of each kind."""
    found: dict[str, float] = {}
    for name, value in values.items():
        found[get_kind(name)] = found.get(get_kind(name), 0.0) + value
    return found


@asynccontextmanager
async def run_system() -> AsyncIterator[System]:
    """Start everything, on all cores."""
    with tempfile.TemporaryDirectory() as folder, DataDir.open(Path(folder) / "data") as data_dir:
        async with Cluster(data_dir, env=_ENV) as cluster:
            population = Population(cluster.endpoints.database_url, data_dir.secret("secret_key"))
            system = System(cluster, population, data_dir)
            try:
                yield system
            finally:
                await system.remove_doors()
