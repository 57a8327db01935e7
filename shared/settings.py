"""Settings that every service has, from the environment (`CHATCRAFT_*`) or mounted secret files."""

import sys
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

_SECRETS_DIR = Path("/run/secrets/chatcraft")


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


Settings = TypeVar("Settings", bound=ServiceSettings)


def load_settings(kind: type[Settings]) -> Settings:
    """Read the environment; a setting that is missing or wrong ends the process with a line about it."""
    try:
        return kind()
    except ValidationError as exc:
        # The name and what is wrong, never the value: it may be a secret.
        lines = [f"CHATCRAFT_{str(error['loc'][0]).upper()}: {error['msg']}" for error in exc.errors()]
        sys.exit("\n".join(lines))
