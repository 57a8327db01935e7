"""ChatCraft as the store is measured: everything on all cores, beside the load, as on one machine."""

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from bench.load import dialects
from bench.load.measure import CpuMeter
from bench.load.population import Population
from bench.load.speech import CHATCRAFT
from bench.load.talk import Talk
from deploy.local.data_dir import DataDir
from tests.stack import HOST, Stack


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How many processes of the messages service, how they commit, and behind how many gateways."""

    services: int = 1
    gateways: int = 1
    batch_max: int = 500
    writers: int = 1

    @property
    def name(self) -> str:
        if self.batch_max == 1:
            return f"group commit of one, {self.writers} at once"
        return f"{self.services} messages service{'s' if self.services > 1 else ''}"

    @property
    def env(self) -> dict[str, str]:
        return {
            "CHATCRAFT_LOG_LEVEL": "warning",
            "CHATCRAFT_MESSAGES_BATCH_MAX": str(self.batch_max),
            "CHATCRAFT_MESSAGES_WRITERS": str(self.writers),
        }


@dataclass
class System:
    """A running ChatCraft and the people in it."""

    stack: Stack
    shape: Shape
    population: Population
    data_dir: DataDir

    @property
    def database_url(self) -> str:
        return self.stack.endpoints.database_url

    def meter(self) -> CpuMeter:
        """Begin to note what every process uses."""
        services = {child.name: child.pid for child in self.stack.children.values()}
        servers = {child.name: child.pid for child in self.stack.servers.children}
        return CpuMeter(services | {"load": os.getpid()}, servers)

    @asynccontextmanager
    async def talk(self, rooms: int, members: int) -> AsyncIterator[Talk]:
        """Put new people in new rooms, all of them connected and synced."""
        people = await self.population.add_people(rooms * members)
        made = await self.population.add_rooms([people[place::rooms] for place in range(rooms)])
        port = urlsplit(self.stack.gateway_urls[0]).port or 0
        host = f"{HOST}:{port}"
        talk = Talk(CHATCRAFT)
        try:
            await talk.open(
                (HOST, port),
                [(room.id, [dialects.chatcraft(host, each.token) for each in room.members]) for room in made],
            )
            yield talk
        finally:
            talk.close()

    async def read_batches(self) -> tuple[float, float]:
        """Return how many batches the writers have committed, and how many commands those held."""
        batches = jobs = 0.0
        async with httpx2.AsyncClient(timeout=10) as http:
            for index in range(self.shape.services):
                text = (await http.get(self.stack.health_url("messages", index) + "/metrics")).text
                for family in text_string_to_metric_families(text):
                    for sample in family.samples:
                        batches += sample.value * (sample.name == "chatcraft_writer_batch_jobs_count")
                        jobs += sample.value * (sample.name == "chatcraft_writer_batch_jobs_sum")
        return batches, jobs


@asynccontextmanager
async def run_system(shape: Shape, path: Path | None = None) -> AsyncIterator[System]:
    """Start everything, on a data directory of its own or on one that is there."""
    with tempfile.TemporaryDirectory() as folder, DataDir.open(path or Path(folder) / "data") as data_dir:
        counts = {"auth": 1, "gateway": shape.gateways, "messages": shape.services, "presence": 1}
        async with Stack("bench-store", data_dir, counts=counts, env=shape.env) as stack:
            population = Population(stack.endpoints.database_url, data_dir.secret("secret_key"))
            yield System(stack, shape, population, data_dir)


def list_shapes(services: Sequence[int], writers_of_one: Sequence[int]) -> list[Shape]:
    """Return ours with so many services, then the same with a transaction for each message."""
    batched = [Shape(services=count) for count in services]
    return batched + [Shape(batch_max=1, writers=count) for count in writers_of_one]
