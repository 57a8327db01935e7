"""What is looked at: the servers of the environment's URLs, else those of a running `chatcraft up`."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError
from deploy.local.nats import nats_url
from deploy.local.postgres import postgres_url
from deploy.local.servers import ExternalUrls
from deploy.local.valkey import valkey_url

# What `chatcraft up` and `make cluster` leave word of: their address and their processes.
RUNNING_FILE = "running.json"
# The one user of the bus who may ask for the feed's state, for who serves, and for what nodes delivered.
BUS_USER = "messages"


@dataclass(frozen=True)
class Targets:
    """What is None is not known; `data_dir` only if it is there."""

    database: str | None = None
    nats: str | None = None
    redis: str | None = None
    url: str | None = None
    data_dir: Path | None = None
    is_running: bool = False
    """Whether a `chatcraft up` runs on the data directory."""
    health_places: Mapping[str, str] = field(default_factory=dict)
    """Where the private port of each of its processes is (`127.0.0.1:20001`), by name."""


def find_targets(data_dir: Path, url: str | None) -> Targets:
    """Raises StartError where there is nothing to look at: no data and no URL."""
    external = ExternalUrls.from_environment()
    found = data_dir.expanduser().absolute() if data_dir.expanduser().exists() else None
    if found is None and not (external.database or external.nats or external.redis or url):
        raise StartError(
            f"there is no data in {data_dir}; name it with --data-dir, or set CHATCRAFT_DATABASE_URL, "
            "CHATCRAFT_NATS_URL and CHATCRAFT_REDIS_URL"
        )
    running = DataDir.find_running(data_dir)
    noted = _read_note(data_dir) if running is not None else {}
    own = _list_own(running, noted.get("servers", ()))
    return Targets(
        database=external.database or own.get("postgres"),
        nats=external.nats or (find_bus(running, BUS_USER) if running else None),
        redis=external.redis or own.get("valkey"),
        url=url or noted.get("url"),
        data_dir=found,
        is_running=running is not None,
        health_places=noted.get("health_places", {}),
    )


def find_bus(running: DataDir, user: str) -> str | None:
    """Return where the bus is that runs there, for one of its users; None if it is somebody else's."""
    servers = [name for name in _read_note(running.path).get("servers", ()) if name.startswith("nats")]
    return ",".join(nats_url(running, user, name) for name in servers) or None


def note_running(
    data_dir: DataDir, url: str, servers: Sequence[str], health_places: Mapping[str, str]
) -> None:
    """Leave word of what runs; `servers` are those that are its own."""
    note = {"url": url, "servers": list(servers), "health_places": dict(health_places)}
    data_dir.write_private(RUNNING_FILE, json.dumps(note, indent=2) + "\n")


def _read_note(data_dir: Path) -> dict[str, Any]:
    try:
        note: dict[str, Any] = json.loads((data_dir / RUNNING_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note


def _list_own(running: DataDir | None, servers: Sequence[str]) -> dict[str, str]:
    if running is None:
        return {}
    makers: dict[str, Callable[[DataDir], str]] = {"postgres": postgres_url, "valkey": valkey_url}
    return {name: make(running) for name, make in makers.items() if name in servers}
