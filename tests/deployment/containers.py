"""Containers as an engine would start them: command, environment, files; from manifests or from compose."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.deployment.dockerfile import DEPLOY, read_stages
from tests.deployment.rendering import Json, Manifests

SECRETS_DIR = "/run/secrets/chatcraft"
IMAGE = "chatcraft"

Files = Mapping[str, str]


@dataclass
class Container:
    """One container; `env` is what the image sets and what the manifest adds."""

    name: str
    image: str
    argv: list[str]
    env: dict[str, str]
    files_by_mount: dict[str, Files]
    ports: dict[str, int] = field(default_factory=dict)
    spec: Json = field(default_factory=dict)

    @property
    def is_ours(self) -> bool:
        return self.image.rpartition("/")[2].partition(":")[0] == IMAGE

    @property
    def module(self) -> str:
        """What `python -m` runs, or nothing."""
        match self.argv:
            case ["python", "-m", module]:
                return module
        return ""

    @property
    def settings(self) -> dict[str, str]:
        """Every CHATCRAFT_ variable it gets, from the environment and from secret files."""
        own = {name: value for name, value in self.env.items() if name.startswith("CHATCRAFT_")}
        return dict(self.files_by_mount.get(SECRETS_DIR, {})) | own


def image_env(text: str | None = None) -> dict[str, str]:
    """Return what the image itself sets, in its last stage."""
    return read_stages(text or (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))[-1].env


def of_manifests(
    manifests: Manifests, secrets: Mapping[str, Files] | None = None, env: Mapping[str, str] | None = None
) -> list[Container]:
    """Return all containers. Secrets that are not among the objects are looked up in `secrets`.

    Raises LookupError for a reference to what is nowhere.
    """
    sources = _Sources(manifests, secrets or {})
    found = []
    for name, template in manifests.workloads():
        for spec in template["spec"]["containers"]:
            container = Container(
                name,
                spec["image"],
                [str(word) for word in (*spec.get("command", ()), *spec.get("args", ()))],
                {},
                {},
                {port["name"]: port["containerPort"] for port in spec.get("ports", ())},
                spec,
            )
            if container.is_ours:
                container.env |= env if env is not None else image_env()
            container.env |= sources.env_of(spec)
            container.files_by_mount |= sources.files_of(spec, template["spec"].get("volumes", ()))
            found.append(container)
    return found


class _Sources:
    """ConfigMaps and Secrets by name."""

    def __init__(self, manifests: Manifests, secrets: Mapping[str, Files]) -> None:
        self._configs = {each["metadata"]["name"]: each["data"] for each in manifests.of("ConfigMap")}
        self._secrets = dict(secrets) | {
            each["metadata"]["name"]: {
                key: base64.b64decode(value).decode() for key, value in each["data"].items()
            }
            for each in manifests.of("Secret")
        }

    def env_of(self, spec: Json) -> dict[str, str]:
        env: dict[str, str] = {}
        for source in spec.get("envFrom", ()):
            env |= self._find(source)
        return env | {each["name"]: str(each["value"]) for each in spec.get("env", ())}

    def files_of(self, spec: Json, volumes: Any) -> dict[str, Files]:
        by_name = {volume["name"]: volume for volume in volumes}
        files: dict[str, Files] = {}
        for mount in spec.get("volumeMounts", ()):
            volume = by_name.get(mount["name"], {})
            if "secret" in volume or "configMap" in volume:
                files[mount["mountPath"]] = self._find(volume)
        return files

    def _find(self, reference: Json) -> Files:
        match reference:
            case {"configMapRef": {"name": name}} | {"configMap": {"name": name}}:
                kind, known = "ConfigMap", self._configs
            case {"secretRef": {"name": name}} | {"secret": {"secretName": name}}:
                kind, known = "Secret", self._secrets
            case _:
                raise LookupError(f"what is {reference}?")
        if name not in known:
            raise LookupError(f"there is no {kind}/{name}")
        return known[name]


def read_compose(path: Path = DEPLOY / "compose.yaml") -> Json:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def of_compose(compose: Json, secrets: Mapping[str, Files]) -> list[Container]:
    """Return its containers; a folder `./secrets/<name>` is looked up in `secrets`. Raises LookupError."""
    return [_of_service(name, spec, secrets) for name, spec in compose["services"].items()]


def _of_service(name: str, spec: Json, secrets: Mapping[str, Files]) -> Container:
    container = Container(
        name, spec["image"], [str(word) for word in spec.get("command", ())], {}, {}, spec=spec
    )
    if container.is_ours:
        container.env |= image_env()
    for file in spec.get("env_file", ()):
        folder, _, key = file.removeprefix("./secrets/").partition("/")
        container.env |= dict(line.split("=", 1) for line in _look_up(secrets, folder)[key].splitlines())
    container.env |= {key: _substitute(str(value)) for key, value in spec.get("environment", {}).items()}
    for source, mount in _bind_mounts(spec):
        if source.startswith("./secrets/"):
            container.files_by_mount[mount] = _look_up(secrets, source.removeprefix("./secrets/"))
    return container


def _bind_mounts(spec: Json) -> Iterator[tuple[str, str]]:
    for volume in spec.get("volumes", ()):
        source, mount, *_ = volume.split(":")
        if source.startswith("."):
            yield source, mount


def _look_up(secrets: Mapping[str, Files], folder: str) -> Files:
    if folder not in secrets:
        raise LookupError(f"deploy.secret_files makes no {folder}")
    return secrets[folder]


def _substitute(value: str) -> str:
    """`${NAME:-default}` with NAME not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
