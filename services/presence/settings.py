"""Settings of the presence service, beyond those of every service."""

from pydantic import SecretStr

from shared.settings import ServiceSettings


class PresenceSettings(ServiceSettings):
    """From the environment, `CHATCRAFT_*`."""

    redis_url: SecretStr
    """`redis://:password@host:port/0`, or `rediss://`."""
