"""What must hold of our containers, wherever they are written down. Each rule returns its complaints."""

import importlib.util
import inspect
from collections.abc import Iterable, Mapping

from pydantic import ValidationError
from starlette.applications import Starlette

from services.auth.settings import AuthSettings
from services.gateway import drain
from services.gateway.__main__ import public_config
from services.gateway.settings import GatewaySettings
from services.messages import app as messages_app
from services.messages.settings import MessagesSettings
from services.presence.settings import PresenceSettings
from shared import lifecycle
from shared.dispatch import Dispatcher
from shared.settings import ServiceSettings
from tests.deployment.containers import Container

SETTINGS: Mapping[str, type[ServiceSettings]] = {
    "services.auth": AuthSettings,
    "services.gateway": GatewaySettings,
    "services.messages": MessagesSettings,
    "services.presence": PresenceSettings,
}
MIGRATION = "shared.migrate"
PYTHON_VARIABLES = {
    "PYTHON_CPU_COUNT",
    "PYTHONSAFEPATH",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    "PATH",
}
# What a drain takes beside the waits that are counted: closing connections, the last bytes.
SLACK_S = 5
SLACK_MAX_S = 20


def find_broken_commands(containers: Iterable[Container]) -> list[str]:
    """Each of ours runs a module that can be run."""
    complaints = []
    for each in containers:
        if not each.is_ours:
            continue
        module = each.module
        found = importlib.util.find_spec(module) if module else None
        if found is None:
            complaints.append(f"{each.name}: cannot run {each.argv}")
        elif found.submodule_search_locations and not importlib.util.find_spec(f"{module}.__main__"):
            complaints.append(f"{each.name}: {module} is not a program")
    return complaints


def find_bad_settings(containers: Iterable[Container], image: Mapping[str, str]) -> list[str]:
    """Each setting exists and is well-formed, and none that is needed is missing."""
    return [
        f"{each.name}: {complaint}"
        for each in containers
        if each.is_ours
        for complaint in (*_unknown(each, image), *_refused(each))
    ]


def _unknown(container: Container, image: Mapping[str, str]) -> list[str]:
    kind = SETTINGS.get(container.module)
    known = {"CHATCRAFT_DATABASE_URL"}
    if kind is not None:
        known = {f"CHATCRAFT_{name.upper()}" for name in kind.model_fields}
    strangers = set(container.settings) - known - set(image)
    others = set(container.env) - set(container.settings) - PYTHON_VARIABLES
    return [f"{name} is no setting of {container.module}" for name in sorted(strangers | others)]


def _refused(container: Container) -> list[str]:
    if container.module == MIGRATION:
        return (
            [] if container.settings.get("CHATCRAFT_DATABASE_URL") else ["CHATCRAFT_DATABASE_URL is missing"]
        )
    if container.module not in SETTINGS:
        return [f"nobody knows the settings of {container.argv}"]
    try:
        read_settings(container)
    except ValidationError as exc:
        return [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors()]
    return []


def read_settings(container: Container) -> ServiceSettings:
    """Return what the service would make of its environment. Raises ValidationError."""
    given = {name.removeprefix("CHATCRAFT_").lower(): value for name, value in container.settings.items()}
    return SETTINGS[container.module](**given)


def find_wrong_ports(containers: Iterable[Container]) -> list[str]:
    """The ports that are declared are those on which the settings let it listen, to everybody."""
    complaints = []
    for each in containers:
        if each.module not in SETTINGS:
            continue
        settings = read_settings(each)
        wanted = {"health": settings.health_port}
        hosts = {settings.health_host}
        if isinstance(settings, GatewaySettings):
            wanted["http"] = settings.gateway_port
            hosts.add(settings.gateway_host)
        if each.ports != wanted:
            complaints.append(f"{each.name}: declares {each.ports}, listens on {wanted}")
        if hosts != {"0.0.0.0"}:
            complaints.append(f"{each.name}: listens on {hosts}")
    return complaints


def find_bad_probes(containers: Iterable[Container]) -> list[str]:
    """Each service has all three, at paths that the private port has, and waits longer than readiness."""
    private = Starlette()
    lifecycle.add_health_routes(private)
    paths = {route.path for route in private.routes}
    complaints = []
    for each in containers:
        if each.module not in SETTINGS:
            continue
        wanted = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
        for name, path in wanted.items():
            asked = each.spec.get(name, {}).get("httpGet", {})
            if path not in paths or asked != {"path": path, "port": "health"}:
                complaints.append(f"{each.name}: {name} asks {asked}")
        if each.spec.get("readinessProbe", {}).get("timeoutSeconds", 1) <= lifecycle._CHECK_TIMEOUT_S:
            complaints.append(f"{each.name}: readinessProbe gives up before the service does")
    return complaints


def drain_s(container: Container) -> float:
    """Return how long its orderly end can take: every wait of the code, one after the other."""
    settings = read_settings(container)
    dispatching = inspect.signature(Dispatcher.drain).parameters["timeout_s"].default
    match settings:
        case GatewaySettings():
            answers = public_config(Starlette(), settings).timeout_graceful_shutdown
            commands = 2 * drain._COMMANDS_S
            return settings.gateway_pre_stop_s + commands + settings.gateway_drain_s + answers
        case MessagesSettings():
            return 2 * settings.messages_drain_s + messages_app._FEED_DRAIN_S
    return dispatching


def find_short_grace(containers: Iterable[Container], grace_s_by_name: Mapping[str, float]) -> list[str]:
    """Nobody is killed before it has drained, nor is waited for much longer than that."""
    complaints = []
    for each in containers:
        if each.module not in SETTINGS:
            continue
        needed, given = drain_s(each), grace_s_by_name[each.name]
        if not needed + SLACK_S <= given <= needed + SLACK_MAX_S:
            complaints.append(f"{each.name}: is given {given:g} s to stop, and needs {needed:g} s")
    return complaints
