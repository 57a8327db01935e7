"""`chatcraft up`: servers, migrations, services, in that order; and all of it stopped the other way round.

The CLI calls `run_up`. Who runs is here; how a process is kept running is in `supervisor.py`.
"""

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.local import ports, probe
from deploy.local.child import Child, Program
from deploy.local.console import Console
from deploy.local.data_dir import DataDir
from deploy.local.doctor.targets import note_running
from deploy.local.errors import StartError
from deploy.local.mail import describe_mail
from deploy.local.migrations import migrate, migrate_embedded
from deploy.local.postgres import ensure_database, postgres_program, postgres_url
from deploy.local.servers import EmbeddedServers, Endpoints, ExternalUrls, run_together, start_and_wait
from deploy.local.services import HEALTH_HOST, Gateway, ServiceSettings, service_program
from deploy.local.supervisor import Supervisor

# Gateways come last: they are the door, and it opens when there is somebody behind it.
BACK_SERVICES = ("auth", "messages", "presence")
FEED_URL_FILE = "feed-url"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DEFAULT_PORTS = {
    "postgresql": 5432,
    "postgres": 5432,
    "nats": 4222,
    "tls": 4222,
    "redis": 6379,
    "rediss": 6379,
}
EXAMPLE_URLS = {
    "CHATCRAFT_DATABASE_URL": "postgresql://user:password@host:5432/chatcraft",
    "CHATCRAFT_NATS_URL": "nats://user:password@host:4222",
    "CHATCRAFT_REDIS_URL": "redis://:password@host:6379/0",
}


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """What was asked for on the command line."""

    host: str
    port: int
    count_by_service: Mapping[str, int]
    external: ExternalUrls
    secret_key: str | None = None


async def run_up(options: UpOptions, data_dir: DataDir, console: Console) -> None:
    """Run everything until a signal asks to stop. Raises StartError when it cannot start."""
    supervisor = Supervisor(console)
    with claim_port(options.host, options.port) as port:
        up = _Up(options, data_dir, console, supervisor, port)
        await run_until_stopped(up.start(), supervisor, console)


async def run_until_stopped(
    starting: Coroutine[Any, Any, None], supervisor: Supervisor, console: Console
) -> None:
    """Start, and keep it all running until a signal asks to stop; a second one kills. Raises StartError."""
    start = asyncio.create_task(starting)
    stop_asked = _watch_signals(supervisor, start)
    try:
        with suppress(asyncio.CancelledError):
            await start
        await stop_asked.wait()
        console.say("Stopping … (Ctrl-C again: at once)")
    finally:
        await supervisor.stop()


async def run_migrate(external: ExternalUrls, path: Path) -> None:
    """Migrate the database that a URL was given for, or the embedded one. Raises StartError."""
    if external.database is not None:
        await check_external(ExternalUrls(database=external.database))
        return await migrate(external.database)
    with DataDir.open(path) as data_dir:
        server = Child(await postgres_program(data_dir))
        try:
            await start_and_wait(server)
            await ensure_database(data_dir)
            await migrate(postgres_url(data_dir))
        finally:
            await server.stop()
    return None


def read_feed_url(path: Path) -> str:
    """Return the bus's URL for services that read the feed. Raises StartError before the first `up`."""
    try:
        return (path / FEED_URL_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise StartError(f"{path} has no bus of its own yet; `chatcraft up` starts one") from None


@contextmanager
def claim_port(host: str, port: int) -> Iterator[int]:
    """Keep the public port for the gateways, and say which it is; 0 takes a free one.

    Raises StartError naming its owner.
    """
    try:
        port = port or ports.pick_free(host)
        held = ports.reserve(host, port) if ports.is_free(host, port) else None
    except OSError as exc:
        raise StartError(f"cannot listen on {host}:{port}: {exc.strerror}; use --host or --port") from None
    if held is None:
        owner = ports.find_owner(port)
        raise StartError(f"port {port} is {f'taken by {owner}' if owner else 'not available'}; use --port")
    with held:
        yield port


class _Up:
    """One start. Its steps are in the order in which they happen."""

    def __init__(
        self,
        options: UpOptions,
        data_dir: DataDir,
        console: Console,
        supervisor: Supervisor,
        port: int,
    ) -> None:
        self._options = options
        self._data_dir = data_dir
        self._console = console
        self._supervisor = supervisor
        self._names: list[str] = []
        """Of the processes that were started."""
        self._public = Gateway(host=options.host, port=port)

    async def start(self) -> None:
        await check_external(self._options.external)
        endpoints = await self._start_servers()
        self._note_feed_url(endpoints)
        await self._migrate(endpoints)
        mail_env, mail_folder = describe_mail(self._data_dir, self._url)
        await self._start_services(endpoints, mail_env)
        self._note_running()
        self._console.say()
        if mail_folder is not None:
            self._console.say(
                f"E-mails are written to {mail_folder}; CHATCRAFT_AUTH_SMTP_URL would send them."
            )
        if not has_web_client():
            self._console.say("The web client is not built, only the API answers; `make web` builds it.")
        self._console.address(self._url)

    @property
    def _url(self) -> str:
        return find_url(self._public.host, self._public.port)

    async def _start_servers(self) -> Endpoints:
        servers = EmbeddedServers(self._data_dir, self._options.external, self._supervisor.add_layer())
        return await servers.start()

    def _note_feed_url(self, endpoints: Endpoints) -> None:
        """Leave word for `chatcraft feed-url`; whose NATS it is not, knows its own users."""
        if self._options.external.nats is None:
            self._data_dir.write_private(FEED_URL_FILE, endpoints.nats_url_by_user["feed"] + "\n")

    def _note_running(self) -> None:
        """Leave word for `chatcraft doctor`."""
        external = self._options.external
        own = {"postgres": external.database, "nats": external.nats, "valkey": external.redis}
        servers = [name for name, url in own.items() if url is None]
        ports_by_name = {name: self._data_dir.port_in_use(f"health_{name}") for name in self._names}
        places = {name: f"{HEALTH_HOST}:{port}" for name, port in ports_by_name.items()}
        note_running(self._data_dir, self._url, servers, places)

    async def _migrate(self, endpoints: Endpoints) -> None:
        if self._options.external.database is not None:
            await migrate(endpoints.database_url)
        elif not await migrate_embedded(self._data_dir, endpoints.database_url):
            return
        self._console.ready("schemas", "migrated")

    async def _start_services(self, endpoints: Endpoints, extra_env: Mapping[str, str]) -> None:
        settings = ServiceSettings(
            endpoints=endpoints,
            secret_key=self._options.secret_key or self._data_dir.secret("secret_key"),
            # Whatever it listens on: browsers have passkeys for names only.
            origins=f"http://localhost:{self._public.port}",
            kept_fds=(self._data_dir.lock_fd,),
            extra_env=extra_env,
        )
        start_back, start_gateway = self._supervisor.add_layer(), self._supervisor.add_layer()
        back = [child for service in BACK_SERVICES for child in self._children(settings, service)]
        await run_together(*map(start_back, back))
        await run_together(*map(start_gateway, self._children(settings, "gateway")))

    def _children(self, settings: ServiceSettings, service: str) -> list[Child]:
        count = self._options.count_by_service[service]
        names = [service if count == 1 else f"{service}-{number}" for number in range(1, count + 1)]
        self._names += names
        return [Child(self._program(settings, service, name)) for name in names]

    def _program(self, settings: ServiceSettings, service: str, name: str) -> Program:
        return service_program(
            settings,
            service,
            name,
            health_port=self._data_dir.port(f"health_{name}"),
            log=partial(self._console.log, name),
            gateway=self._public if service == "gateway" else None,
        )


def find_url(host: str, port: int) -> str:
    """Return the address to open on this machine: a name if it may be, for which browsers have passkeys."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def has_web_client() -> bool:
    """Tell whether the gateways find a built web client where they look for one."""
    given = os.environ.get("CHATCRAFT_GATEWAY_WEB_DIR")
    web_dir = Path(given) if given else Path(__file__).resolve().parents[2] / "web" / "dist"
    return (web_dir / "index.html").exists()


async def check_external(external: ExternalUrls) -> None:
    """Raise StartError for a server that a URL was given for and that nobody answers at."""
    urls = {
        "CHATCRAFT_DATABASE_URL": external.database,
        "CHATCRAFT_NATS_URL": external.nats,
        "CHATCRAFT_REDIS_URL": external.redis,
    }
    for variable, value in urls.items():
        if value is None:
            continue
        addresses = [_address_of(variable, url.strip()) for url in value.split(",")]
        answers = await asyncio.gather(*(probe.can_connect(host, port) for host, port in addresses))
        if not any(answers):
            where = " or ".join(f"{host}:{port}" for host, port in addresses)
            raise StartError(f"nobody answers at {where}; start that server, or correct or unset {variable}")


def _address_of(variable: str, url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise StartError(f"{variable} is not a URL of the kind {EXAMPLE_URLS[variable]}") from None
    return parts.hostname or "127.0.0.1", port


def _watch_signals(supervisor: Supervisor, start: asyncio.Task[None]) -> asyncio.Event:
    """Return an event that is set by the first signal to stop; the second one kills everything."""
    stop_asked = asyncio.Event()

    def on_signal() -> None:
        if stop_asked.is_set():
            supervisor.kill()
        stop_asked.set()
        start.cancel()

    for number in STOP_SIGNALS:
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue  # started with nohup: the terminal may go
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop_asked
