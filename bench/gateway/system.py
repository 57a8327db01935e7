"""ChatCraft as it is measured: one gateway on a core of its own; stores, services and load on the others."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.load.measure import CpuMeter, cpu_s
from bench.load.pinning import Cores, pin
from bench.load.plan import Plan
from bench.load.population import MadeRoom, Person, Population
from deploy.local.data_dir import DataDir
from deploy.local.postgres import postgres_url
from tests.stack import HOST, Stack

_ONE_EACH = {"auth": 1, "gateway": 1, "messages": 1, "presence": 1}
# Pings and audits of 15,000 silent connections stay below this.
_QUIET_CORES = 0.1
_QUIET_WAIT_S = 30.0


@dataclass
class System:
    """A running ChatCraft and the people in it."""

    stack: Stack
    cores: Cores
    population: Population
    data_dir: DataDir

    @property
    def gateway_pid(self) -> int:
        return self.stack.find("gateway").pid

    @property
    def port(self) -> int:
        return urlsplit(self.stack.gateway_urls[0]).port or 0

    @property
    def postgres_log(self) -> Path:
        """Where PostgreSQL writes what it logs."""
        return self.data_dir.path / "logs" / "postgres.log"

    @property
    def admin_url(self) -> str:
        """The database, for its superuser."""
        return postgres_url(self.data_dir, as_admin=True)

    def meter(self, load: dict[str, int]) -> CpuMeter:
        """Begin to note what every process uses; `load` are the generators'."""
        services = {child.name: child.pid for child in self.stack.children.values()}
        servers = {child.name: child.pid for child in self.stack.servers.children}
        return CpuMeter(services | load, servers)

    async def renew_gateway(self) -> None:
        """Start the gateway anew, so that no scenario inherits the memory of another."""
        await self.stack.restart("gateway")
        pin(self.gateway_pid, frozenset({self.cores.server}))
        await self.settle()

    async def settle(self) -> None:
        """Wait until the gateway has nothing left to do."""
        end_s = time.perf_counter() + _QUIET_WAIT_S
        while time.perf_counter() < end_s:
            before_s = cpu_s(self.gateway_pid)
            await asyncio.sleep(1.0)
            if cpu_s(self.gateway_pid) - before_s <= _QUIET_CORES:
                return

    async def add_people(self, count: int, rooms_each: int = 1) -> list[Person]:
        """Add people who are in as many rooms each; the rooms are as large as that makes them."""
        people = await self.population.add_people(count)
        size = min(100, count)
        rooms: list[Sequence[Person]] = []
        for turn in range(rooms_each):
            shifted = people[turn:] + people[:turn]
            rooms += [shifted[start : start + size] for start in range(0, count, size)]
        await self.population.add_rooms(rooms)
        return people

    def plan(self, people: Sequence[Person], rooms: Sequence[MadeRoom] = ()) -> Plan:
        """Return how a crowd of these people connects, and to which rooms events are published."""
        return Plan(
            kind="chatcraft",
            server_pid=self.gateway_pid,
            host=HOST,
            port=self.port,
            members=len(people),
            tokens=[person.token for person in people],
            nats_url=self.stack.endpoints.nats_url_by_user["messages"],
            rooms=[(room.id, room.rev, len(room.members)) for room in rooms],
        )


@asynccontextmanager
async def run_system(cores: Cores) -> AsyncIterator[System]:
    """Start everything on the load's cores, then move the gateway to its own."""
    os.sched_setaffinity(0, cores.others)
    with tempfile.TemporaryDirectory() as folder, DataDir.open(Path(folder) / "data") as data_dir:
        env = {"CHATCRAFT_LOG_LEVEL": "warning"}
        async with Stack("bench-gateway", data_dir, counts=_ONE_EACH, env=env) as stack:
            population = Population(stack.endpoints.database_url, data_dir.secret("secret_key"))
            system = System(stack, cores, population, data_dir)
            pin(system.gateway_pid, frozenset({cores.server}))
            yield system
