"""What is wrong in manifests is noticed: each rule, on the overlay `dev` with one thing spoiled."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deployment.containers import image_env, of_manifests
from tests.deployment.pods import find_loose_ends, find_schema_errors, find_soft_pods
from tests.deployment.rendering import Json, Manifests, render
from tests.deployment.rules import (
    find_bad_probes,
    find_bad_settings,
    find_broken_commands,
    find_short_grace,
    find_wrong_ports,
)


def container_of(manifests: Manifests, name: str) -> Json:
    return dict(manifests.workloads())[name]["spec"]["containers"][0]


def set_env(manifests: Manifests, name: str, **env: str) -> None:
    container_of(manifests, name)["env"] = [{"name": key, "value": value} for key, value in env.items()]


def volumes_of(manifests: Manifests, name: str) -> list[Json]:
    return dict(manifests.workloads())[name]["spec"]["volumes"]


def commands(manifests: Manifests) -> list[str]:
    return find_broken_commands(of_manifests(manifests))


def settings(manifests: Manifests) -> list[str]:
    return find_bad_settings(of_manifests(manifests), image_env())


def ports(manifests: Manifests) -> list[str]:
    return find_wrong_ports(of_manifests(manifests))


def probes(manifests: Manifests) -> list[str]:
    return find_bad_probes(of_manifests(manifests))


def grace(manifests: Manifests) -> list[str]:
    return find_short_grace(of_manifests(manifests), manifests.graces_s())


Spoil = Callable[[Manifests], object]
Rule = Callable[[Manifests], list[str]]

SPOILED: dict[str, tuple[Rule, Spoil, str]] = {
    "a field that does not exist": (
        find_schema_errors,
        lambda m: container_of(m, "auth").update(imagePullPolice="Always"),
        "imagePullPolice",
    ),
    "a misspelt setting": (
        settings,
        lambda m: set_env(m, "auth", CHATCRAFT_AUTH_ORIGIN="x"),
        "CHATCRAFT_AUTH_ORIGIN is no setting",
    ),
    "a setting of another service": (
        settings,
        lambda m: set_env(m, "auth", CHATCRAFT_MESSAGES_WRITERS="2"),
        "CHATCRAFT_MESSAGES_WRITERS is no setting of services.auth",
    ),
    "a value that is none": (
        settings,
        lambda m: set_env(m, "gateway", CHATCRAFT_GATEWAY_DRAIN_S="30s"),
        "gateway_drain_s",
    ),
    "a secret that is not mounted": (
        settings,
        lambda m: container_of(m, "presence").update(volumeMounts=[]),
        "redis_url: Field required",
    ),
    "a command that is not there": (
        commands,
        lambda m: container_of(m, "messages").update(command=["python", "-m", "services.message"]),
        "cannot run",
    ),
    "another port": (ports, lambda m: container_of(m, "gateway")["ports"].pop(0), "declares"),
    "only loopback": (
        ports,
        lambda m: set_env(m, "auth", CHATCRAFT_HEALTH_HOST="127.0.0.1"),
        "listens on",
    ),
    "another path": (
        probes,
        lambda m: container_of(m, "auth")["readinessProbe"]["httpGet"].update(path="/healthz"),
        "readinessProbe asks",
    ),
    "an impatient probe": (
        probes,
        lambda m: container_of(m, "auth")["readinessProbe"].update(timeoutSeconds=3),
        "gives up before",
    ),
    "a longer drain than grace": (
        grace,
        lambda m: set_env(m, "gateway", CHATCRAFT_GATEWAY_DRAIN_S="60"),
        "gateway: is given 85 s to stop, and needs 100 s",
    ),
    "root": (
        find_soft_pods,
        lambda m: container_of(m, "auth").pop("securityContext"),
        "allowPrivilegeEscalation is None",
    ),
    "the node's files": (
        find_soft_pods,
        lambda m: volumes_of(m, "auth").append({"name": "x", "hostPath": {"path": "/"}}),
        "mounts",
    ),
    "a selector without pods": (
        find_loose_ends,
        lambda m: m.find("Service", "gateway")["spec"].update(selector={"app": "gateway"}),
        "selects nobody",
    ),
    "a service beside the port": (
        find_loose_ends,
        lambda m: m.find("Service", "nats")["spec"]["ports"][0].update(port=4223),
        "is no port of nats",
    ),
    "a spread that counts nobody": (
        find_loose_ends,
        lambda m: dict(m.workloads())["auth"]["spec"]["topologySpreadConstraints"][0].pop("labelSelector"),
        "refused by the API server",
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_what_is_wrong_is_noticed(dev: Manifests, what: str):
    rule, spoil, expected = SPOILED[what]
    spoil(dev)
    complaints = rule(dev)
    assert any(expected in each for each in complaints), complaints


@pytest.mark.parametrize("kind", ["configMapRef", "secretRef"])
def test_a_reference_to_nothing_is_noticed(dev: Manifests, kind: str):
    container_of(dev, "auth")["envFrom"] = [{kind: {"name": "elsewhere"}}]
    with pytest.raises(LookupError, match="elsewhere"):
        of_manifests(dev)


def test_a_change_of_a_setting_starts_new_pods(deploy_copy: Path, dev: Manifests, tmp_path: Path):
    """Its ConfigMap has another name then, and so the Deployment another template."""
    copy = tmp_path / "deploy"
    shutil.copytree(deploy_copy, copy)
    base = copy / "k8s" / "base" / "kustomization.yaml"
    base.write_text(base.read_text().replace("CHATCRAFT_GATEWAY_DRAIN_S=30", "CHATCRAFT_GATEWAY_DRAIN_S=31"))
    changed = render(copy / "k8s" / "overlays" / "dev")
    assert container_of(changed, "gateway")["envFrom"] != container_of(dev, "gateway")["envFrom"]
    assert container_of(changed, "auth")["envFrom"] == container_of(dev, "auth")["envFrom"]
