"""How each service is run on one machine: its command, its environment, how to tell that it is ready.

`up.py` and the tests' stack use it. It imports no service.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local import probe
from deploy.local.child import LogSink, Program
from deploy.local.errors import StartError
from deploy.local.servers import Endpoints

HEALTH_HOST = "127.0.0.1"
# On one machine there is no other node to spread the reconnects over: drain briefly.
DRAIN_S = 1.0
STOP_GRACE_S = 15.0
# A message waits for milliseconds, a login may wait for a second: a flood of logins leaves the p99 of
# messages at 1.8 times what it is without, instead of 2.5 (`make bench-accounts`, two cores).
AUTH_NICENESS = 10


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """Where a gateway listens for the public."""

    host: str
    port: int


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """What the services of one process tree have in common."""

    endpoints: Endpoints
    secret_key: str
    origins: str = ""
    """Where browsers open the web client, for passkeys; unless the environment says otherwise."""
    kept_fds: tuple[int, ...] = ()
    extra_env: Mapping[str, str] | None = None


def service_program(
    settings: ServiceSettings,
    service: str,
    name: str,
    *,
    health_port: int,
    log: LogSink,
    health_host: str = HEALTH_HOST,
    gateway: Gateway | None = None,
) -> Program:
    """Return how to run one process of a service."""

    async def is_ready(pid: int) -> bool:
        del pid
        return await probe.is_http_ok(health_host, health_port, "/readyz")

    return Program(
        name=name,
        argv=(sys.executable, "-P", "-m", f"services.{service}"),
        env=_environment(settings, service, (health_host, health_port), gateway),
        log=log,
        is_ready=is_ready,
        address=f"http://{gateway.host}:{gateway.port}" if gateway else "",
        grace_s=STOP_GRACE_S + (_leaving_s(settings) if gateway else 0.0),
        kept_fds=settings.kept_fds,
        niceness=AUTH_NICENESS if service == "auth" else 0,
    )


def _environment(
    settings: ServiceSettings, service: str, health: tuple[str, int], gateway: Gateway | None
) -> dict[str, str]:
    endpoints = settings.endpoints
    env = {
        "CHATCRAFT_DATABASE_URL": endpoints.database_url,
        "CHATCRAFT_NATS_URL": endpoints.nats_url_by_user[service],
        "CHATCRAFT_REDIS_URL": endpoints.redis_url,
        "CHATCRAFT_HEALTH_HOST": health[0],
        "CHATCRAFT_HEALTH_PORT": str(health[1]),
        "CHATCRAFT_LOG_FORMAT": os.environ.get("CHATCRAFT_LOG_FORMAT", "console"),
        "PYTHONUNBUFFERED": "1",
    }
    if service == "auth":
        env["CHATCRAFT_SECRET_KEY"] = settings.secret_key
        if settings.origins and "CHATCRAFT_AUTH_ORIGINS" not in os.environ:
            env["CHATCRAFT_AUTH_ORIGINS"] = settings.origins
    if gateway is not None:
        env["CHATCRAFT_GATEWAY_HOST"] = gateway.host
        env["CHATCRAFT_GATEWAY_PORT"] = str(gateway.port)
        env["CHATCRAFT_GATEWAY_DRAIN_S"] = str(_drain_s(settings))
    return env | dict(settings.extra_env or {})


def _leaving_s(settings: ServiceSettings) -> float:
    return _seconds(settings, "CHATCRAFT_GATEWAY_PRE_STOP_S", 0.0) + _drain_s(settings)


def _drain_s(settings: ServiceSettings) -> float:
    return _seconds(settings, "CHATCRAFT_GATEWAY_DRAIN_S", DRAIN_S)


def _seconds(settings: ServiceSettings, name: str, otherwise: float) -> float:
    given = (settings.extra_env or {}).get(name) or os.environ.get(name)
    try:
        return float(given) if given else otherwise
    except ValueError:
        raise StartError(f"{name} is {given!r}: it must be a number of seconds") from None
