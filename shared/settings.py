"""Settings that every service has, from the environment (`CHATCRAFT_*`) or mounted secret files."""

import os
import sys
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

# Where a container is given its secrets as files; elsewhere on a machine where that is not ours to write.
_SECRETS_DIR = Path(os.environ.get("CHATCRAFT_SECRETS_DIR") or "/run/secrets/chatcraft")


class ServiceSettings(BaseSettings):
    """Base of each service's settings; a service adds its own fields in its `settings` module."""

    model_config = SettingsConfigDict(
        env_prefix="CHATCRAFT_",
        extra="ignore",
        frozen=True,
        secrets_dir=_SECRETS_DIR if _SECRETS_DIR.is_dir() else None,
    )

    nats_url: SecretStr
    """One or several `nats://user:password@host:port`, separated by commas."""
    health_host: str = "127.0.0.1"
    health_port: int
    """The private port: /livez, /readyz, /metrics."""
    log_format: Literal["console", "json"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    trace_endpoint: str = ""
    """Where an OpenTelemetry collector takes OTLP over HTTP; without it nothing is traced."""

    @property
    def nats_servers(self) -> list[str]:
        return [url.strip() for url in self.nats_url.get_secret_value().split(",")]


class DatabaseSettings(ServiceSettings):
    """For a service that keeps its truth in PostgreSQL."""

    database_url: SecretStr
    """`postgresql://user:password@host:port/database`."""
    database_pool: int = 10


def find_setting(name: str) -> str | None:
    """Return one setting as services read it, environment first: for commands that need no more than that."""
    file = _SECRETS_DIR / name
    return os.environ.get(name) or (file.read_text(encoding="utf-8").strip() if file.is_file() else None)


Settings = TypeVar("Settings", bound=ServiceSettings)


def load_settings(kind: type[Settings]) -> Settings:
    """Read the environment; a setting that is missing or wrong ends the process with a line about it."""
    try:
        return kind()
    except ValidationError as exc:
        sys.exit("\n".join(list_problems(exc)))


def list_problems(exc: ValidationError) -> list[str]:
    """Return a line for each setting: its name and what is wrong, never the value, which may be a secret."""
    return [f"{_name(error['loc'])}: {error['msg']}" for error in exc.errors()]


def _name(location: tuple[int | str, ...]) -> str:
    # What several settings say together has no place of its own.
    return f"CHATCRAFT_{str(location[0]).upper()}" if location else "settings"
