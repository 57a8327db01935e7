"""A whole ChatCraft of real processes for tests: own servers, own data, any number of each service.

The fixtures in `conftest.py` make them. Nothing is restarted by itself: a test that kills, sees the kill.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Self
from weakref import WeakSet

from deploy.local import ports
from deploy.local.child import Child
from deploy.local.data_dir import DataDir
from deploy.local.migrations import migrate_embedded
from deploy.local.servers import EmbeddedServers, Endpoints, run_together, start_and_wait
from deploy.local.services import Gateway, ServiceSettings, service_program
from tests.database_template import lay_database

HOST = "127.0.0.1"
# Processes of tests that run side by side have stacks of the same names: each has a place of its own.
ARTIFACTS = Path(__file__).parent.parent / "test-artifacts" / os.environ.get("PYTEST_XDIST_WORKER", "")
DEFAULT_COUNTS = {"auth": 1, "messages": 2, "presence": 1, "gateway": 2}
DEFAULT_ENV = {
    "CHATCRAFT_AUTH_RATE_FACTOR": "1000",
    "CHATCRAFT_GATEWAY_RATE_FACTOR": "1000",
    "CHATCRAFT_GATEWAY_DRAIN_S": "0.5",
}
MAX_SHOWN_LOG_CHARS = 6_000


class Stack:
    """Servers and services. Each gateway has a port of its own, so that a test can choose the node."""

    running: ClassVar[WeakSet["Stack"]] = WeakSet()

    def __init__(
        self,
        name: str,
        data_dir: DataDir,
        *,
        counts: Mapping[str, int] | None = None,
        env: Mapping[str, str] | None = None,
        is_migrated: bool = True,
    ) -> None:
        """`is_migrated=False`: its database is migrated when it starts, by what PYTHONPATH then says."""
        self.name = name
        self.servers = EmbeddedServers(data_dir)
        self.logs = ARTIFACTS / name
        self.children: dict[tuple[str, int], Child] = {}
        self._data_dir = data_dir
        self._counts = DEFAULT_COUNTS | dict(counts or {})
        self._env = DEFAULT_ENV | dict(env or {})
        self._is_migrated = is_migrated
        self._gateway_ports: list[int] = []
        self._log_starts: dict[Path, int] = {}

    @property
    def endpoints(self) -> Endpoints:
        """Where the stores are."""
        return self.servers.endpoints

    @property
    def gateway_urls(self) -> list[str]:
        """One address per gateway, `http://127.0.0.1:<port>`."""
        return [f"http://{HOST}:{port}" for port in self._gateway_ports]

    def health_url(self, service: str, index: int = 0) -> str:
        """Return the address of a process's private port (/livez, /readyz, /metrics)."""
        return f"http://{HOST}:{self._data_dir.port_in_use(f'health_{service}-{index}')}"

    async def start(self) -> Self:
        """Start servers, migrate, start services; return once all are ready."""
        self.logs.mkdir(parents=True, exist_ok=True)
        Stack.running.add(self)
        if self._is_migrated:
            await lay_database(self._data_dir)
        await self.servers.start()
        await migrate_embedded(self._data_dir, self.endpoints.database_url)
        for _ in range(self._counts["gateway"]):  # the auth service is told of them
            self._gateway_ports.append(ports.pick_free())
        for service, count in self._counts.items():
            for index in range(count):
                self.children[service, index] = self._child(service, index)
        back, gateways = self._layers()
        await run_together(*map(start_and_wait, back))
        await run_together(*map(start_and_wait, gateways))
        return self

    async def stop(self) -> None:
        """Stop everything in order: gateways, services, servers."""
        for layer in reversed(self._layers()):
            await asyncio.gather(*(child.stop() for child in layer))
        await self.servers.stop()

    async def __aenter__(self) -> Self:
        try:
            return await self.start()
        except BaseException:
            await self.stop()
            raise

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def kill(self, service: str, index: int = 0, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a process (`messages`, or a server: `postgres`); return once it has ended.

        SIGSTOP and SIGCONT only arrive; nobody ends of them.
        """
        child = self.find(service, index)
        child.send_signal(number)
        if number not in {signal.SIGSTOP, signal.SIGCONT}:
            await child.wait()

    async def restart(self, service: str, index: int = 0) -> None:
        """Start a process again, on its ports; stops it first if it runs. Returns once it is ready."""
        child = self.find(service, index)
        if child.is_running:
            await child.stop()
        await start_and_wait(child)

    def find(self, service: str, index: int = 0) -> Child:
        """Return a process of a service, or a server by its name: postgres, nats, valkey."""
        by_name = {child.name: child for child in self.servers.children}
        return by_name[service] if service in by_name else self.children[service, index]

    def mark_logs(self) -> None:
        """Remember how long the logs are now; `read_logs` shows what came after."""
        self._log_starts = {log: log.stat().st_size for log in self._log_files()}

    def read_logs(self) -> str:
        """Return what every process logged since `mark_logs`, the end of it."""
        parts = []
        for log in self._log_files():
            text = log.read_bytes()[self._log_starts.get(log, 0) :].decode("utf-8", "replace").strip()
            if text:
                parts.append(f"--- {log.name}\n{text[-MAX_SHOWN_LOG_CHARS:]}")
        return "\n".join(parts)

    def _layers(self) -> tuple[list[Child], list[Child]]:
        back = [child for (service, _), child in self.children.items() if service != "gateway"]
        gateways = [child for (service, _), child in self.children.items() if service == "gateway"]
        return back, gateways

    def _log_files(self) -> list[Path]:
        return [*sorted(self.logs.glob("*.log")), *sorted((self._data_dir.path / "logs").glob("*.log"))]

    def _child(self, service: str, index: int) -> Child:
        name = f"{service}-{index}"
        gateway = None
        if service == "gateway":
            gateway = Gateway(host=HOST, port=self._gateway_ports[index])
        log = self.logs / f"{name}.log"
        log.unlink(missing_ok=True)
        settings = ServiceSettings(
            endpoints=self.endpoints,
            secret_key=self._data_dir.secret("secret_key"),
            origins=",".join(f"http://localhost:{port}" for port in self._gateway_ports),
            kept_fds=(self._data_dir.lock_fd,),
            extra_env=self._env,
        )
        make = partial(service_program, settings, service, name, gateway=gateway, log=log)
        return Child(make(health_port=self._data_dir.port(f"health_{name}")))
