"""Settings that every service has, from the environment (`CHATCRAFT_*`) or mounted secret files."""

from pathlib import Path
from typing import Literal

from pydantic import SecretStr
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

    @property
    def nats_servers(self) -> list[str]:
        return [url.strip() for url in self.nats_url.get_secret_value().split(",")]


class DatabaseSettings(ServiceSettings):
    """For a service that keeps its truth in PostgreSQL."""

    database_url: SecretStr
    """`postgresql://user:password@host:port/database`."""
    database_pool: int = 10
