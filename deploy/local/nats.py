"""Embedded NATS: its configuration and its Program. `servers.py` runs one, `deploy.cluster` several."""

import shutil
import signal
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from deploy.local import probe
from deploy.local.child import Program
from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError

USERS = ("auth", "feed", "gateway", "messages", "presence")
PERMISSIONS = Path(__file__).parent.parent / "nats" / "permissions.conf"


@dataclass(frozen=True, kw_only=True)
class NatsServer:
    """One server; `process` names its files and its port, `name` is what it calls itself on the bus."""

    process: str = "nats"
    name: str = "chatcraft"
    more: str = ""
    """What stands in its configuration beside what all servers have."""


ALONE = NatsServer()


def nats_program(data_dir: DataDir, server: NatsServer = ALONE) -> Program:
    """Write its configuration and return how to run it."""
    process = server.process
    host, port = data_dir.host(process), data_dir.port(process)
    store = data_dir.path / process
    store.mkdir(mode=0o700, exist_ok=True)
    config = data_dir.write_private(f"{process}.conf", _config(data_dir, server, f"{host}:{port}", store))

    async def is_ready(pid: int) -> bool:
        del pid
        return (await probe.ask(host, port, b"")).startswith(b"INFO ")

    return Program(
        name=process,
        argv=(str(_find_binary()), "-c", str(config)),
        log=data_dir.log_file(process),
        is_ready=is_ready,
        address=f"{host}:{port}",
        death_signal=signal.SIGTERM,
        kept_fds=(data_dir.lock_fd,),
    )


def nats_url(data_dir: DataDir, user: str, process: str = ALONE.process) -> str:
    """Return the URL of the running server for one of its users."""
    place = f"{data_dir.host(process)}:{data_dir.port_in_use(process)}"
    return f"nats://{user}:{_password(data_dir, user)}@{place}"


def _config(data_dir: DataDir, server: NatsServer, address: str, store: Path) -> str:
    passwords = "\n".join(f'NATS_{user.upper()}_PASSWORD: "{_password(data_dir, user)}"' for user in USERS)
    return f"""\
server_name: "{server.name}"
listen: "{address}"
# A `room.changes` answer holds all that changed, up to 500 long messages: more than the default of 1 MiB.
max_payload: 8MB
ping_interval: "20s"
# An acknowledged feed event is on disk within this time even if the machine loses power.
jetstream {{ store_dir: "{_escape(store)}", sync_interval: "10s" }}
{server.more}
{passwords}
{PERMISSIONS.read_text(encoding="utf-8")}"""


def _password(data_dir: DataDir, user: str) -> str:
    return data_dir.secret(f"nats_{user}")


def _escape(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def _find_binary() -> Path:
    beside_python = Path(sysconfig.get_path("scripts")) / "nats-server"
    if beside_python.exists():
        return beside_python
    found = shutil.which("nats-server")
    if found is None:
        raise StartError("no nats-server for this machine; install one and set CHATCRAFT_NATS_URL")
    return Path(found)
