"""deploy/compose.yaml is held to the same as the manifests. And what is wrong is noticed."""

import importlib.util
import re
import subprocess
from collections.abc import Callable, Mapping

import pytest

from deploy.cluster.cluster import PRE_STOP_S
from deploy.cluster.haproxy import find_haproxy
from deploy.secret_files import make_files
from shared import lifecycle
from tests.deployment.containers import Container, Files, image_env, of_compose, of_manifests, read_compose
from tests.deployment.dockerfile import DEPLOY
from tests.deployment.rendering import Json, Manifests
from tests.deployment.rules import find_bad_settings, find_broken_commands, find_short_grace

UNITS = {"s": 1, "m": 60}


@pytest.fixture(scope="module")
def secrets() -> Mapping[str, Files]:
    return make_files()


def seconds(text: str) -> int:
    return int(text[:-1]) * UNITS[text[-1]]


def graces_s(containers: list[Container]) -> Mapping[str, float]:
    return {each.name: seconds(each.spec.get("stop_grace_period", "10s")) for each in containers}


def find_soft_services(compose: Json) -> list[str]:
    """Ours and whatever else needs nothing run on an image they cannot write, without privileges."""
    complaints = []
    for name, spec in compose["services"].items():
        if name not in {"postgres", "valkey"}:  # their images begin as root, and step down by themselves
            if (spec.get("read_only"), spec.get("cap_drop")) != (True, ["ALL"]):
                complaints.append(f"{name} has privileges")
            if spec.get("security_opt") != ["no-new-privileges:true"]:
                complaints.append(f"{name} may gain privileges")
        if name not in {"migrate", "proxy"} and "healthcheck" not in spec:
            complaints.append(f"nobody asks whether {name} is well")
    return complaints


def find_bad_health_checks(compose: Json) -> list[str]:
    """Ours ask with the image's own Python, longer than readiness takes."""
    complaints = []
    for name, spec in compose["services"].items():
        test = spec.get("healthcheck", {}).get("test", [])
        if test[:3] != ["CMD", "python", "-m"]:
            continue
        _, _, _, module, path = test
        if importlib.util.find_spec(module) is None or path not in {"/livez", "/readyz"}:
            complaints.append(f"{name} asks {test}")
        if seconds(spec["healthcheck"]["timeout"]) <= lifecycle._CHECK_TIMEOUT_S:
            complaints.append(f"{name} gives up before the service does")
    return complaints


def find_early_starters(compose: Json) -> list[str]:
    """Who needs the schema waits for the migration, who needs a store for the store."""
    complaints = []
    for name in ("auth", "messages"):
        condition = compose["services"][name]["depends_on"].get("migrate", {}).get("condition")
        if condition != "service_completed_successfully":
            complaints.append(f"{name} does not wait for the migration")
    for name, spec in compose["services"].items():
        for other, how in spec.get("depends_on", {}).items():
            if how["condition"] == "service_healthy" and "healthcheck" not in compose["services"][other]:
                complaints.append(f"{name} waits for ever for {other}")
    return complaints


def test_commands_settings_and_secrets_are_right(secrets: Mapping[str, Files]):
    containers = of_compose(read_compose(), secrets)
    assert not find_broken_commands(containers)
    assert not find_bad_settings(containers, image_env())


def test_everybody_may_drain(secrets: Mapping[str, Files]):
    containers = of_compose(read_compose(), secrets)
    assert not find_short_grace(containers, graces_s(containers))


def test_nobody_has_privileges_and_everybody_is_asked():
    compose = read_compose()
    assert not find_soft_services(compose)
    assert not find_bad_health_checks(compose)
    assert not find_early_starters(compose)


def test_the_images_and_commands_are_those_of_the_manifests(dev: Manifests, secrets: Mapping[str, Files]):
    here = {each.name: each for each in of_compose(read_compose(), secrets) if each.name != "proxy"}
    there = {each.name: each for each in of_manifests(dev)}
    assert {name: each.image for name, each in here.items()} == {
        name: each.image for name, each in there.items()
    }
    # The image of NATS has the program as its entry point.
    there["nats"].argv.remove("nats-server")
    assert {name: each.argv for name, each in here.items()} == {
        name: each.argv for name, each in there.items()
    }


def test_files_that_are_mounted_exist():
    sources = [
        volume.split(":")[0]
        for spec in read_compose()["services"].values()
        for volume in spec.get("volumes", ())
        if volume.startswith("./") and not volume.startswith("./secrets/")
    ]
    assert set(sources) == {"./nats", "./haproxy/haproxy.cfg"}
    assert all((DEPLOY / source).exists() for source in sources)


def test_the_proxy_understands_its_configuration():
    done = subprocess.run(
        [find_haproxy(), "-c", "-f", DEPLOY / "haproxy" / "haproxy.cfg"],
        timeout=30, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_the_proxy_finds_the_gateways_and_outlasts_their_pings():
    text = (DEPLOY / "haproxy" / "haproxy.cfg").read_text(encoding="utf-8")
    image = image_env()
    assert f"server-template gateway 8 gateway:{image['CHATCRAFT_GATEWAY_PORT']} " in text
    assert f"check port {image['CHATCRAFT_HEALTH_PORT']} " in text
    assert "option httpchk GET /readyz" in text
    timeouts = dict(re.findall(r"timeout (\w+) +(\d+[sm])", text))
    assert all(seconds(timeouts[name]) > 2 * 25 for name in ("client", "server", "tunnel"))
    # Of all that a client can send, these two are believed.
    assert "http-request set-header X-Forwarded-For %[src]" in text
    assert "http-request set-header X-Forwarded-Proto" in text


def test_the_proxy_has_seen_that_a_gateway_drains_before_it_stops_listening():
    text = (DEPLOY / "haproxy" / "haproxy.cfg").read_text(encoding="utf-8")
    [found] = re.findall(r"inter (\d+)s fastinter (\d+)ms .* fall (\d+) ", text)
    seen_after_s = int(found[0]) + (int(found[2]) - 1) * int(found[1]) / 1_000
    [gateway] = [each for each in of_compose(read_compose(), make_files()) if each.name == "gateway"]
    for pre_stop_s in (float(gateway.env["CHATCRAFT_GATEWAY_PRE_STOP_S"]), PRE_STOP_S):
        assert pre_stop_s >= 1.5 * seen_after_s


Spoil = Callable[[Json], object]

SPOILED: dict[str, tuple[Spoil, str]] = {
    "a misspelt setting": (
        lambda s: s["gateway"]["environment"].update(CHATCRAFT_GATEWAY_DRAIN="3"),
        "CHATCRAFT_GATEWAY_DRAIN is no",
    ),
    "a secret of somebody else": (
        lambda s: s["presence"].update(volumes=["./secrets/gateway:/run/secrets/chatcraft:ro"]), "redis_url",
    ),
    "secrets beside the place": (
        lambda s: s["auth"].update(volumes=["./secrets/auth:/run/secrets/auth:ro"]), "secret_key",
    ),
    "a command that is not there": (
        lambda s: s["auth"].update(command=["python", "-m", "auth"]), "cannot run",
    ),
    "a short grace": (lambda s: s["gateway"].update(stop_grace_period="40s"), "needs 45 s"),
    "privileges": (lambda s: s["auth"].pop("cap_drop"), "auth has privileges"),
    "a check with what is not in the image": (
        lambda s: s["auth"]["healthcheck"].update(test=["CMD", "python", "-m", "shared.prob", "/readyz"]),
        "auth asks",
    ),
    "no wait for the migration": (
        lambda s: s["messages"].update(depends_on={"nats": {"condition": "service_healthy"}}),
        "messages does not wait",
    ),
    "a wait for ever": (
        lambda s: s["proxy"].update(depends_on={"migrate": {"condition": "service_healthy"}}),
        "waits for ever",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILED)
def test_what_is_wrong_is_noticed(what: str, secrets: Mapping[str, Files]):
    spoil, expected = SPOILED[what]
    compose = read_compose()
    spoil(compose["services"])
    containers = of_compose(compose, secrets)
    complaints = find_broken_commands(containers) + find_bad_settings(containers, image_env())
    if not complaints:
        complaints = find_short_grace(containers, graces_s(containers)) + find_soft_services(compose)
        complaints += find_bad_health_checks(compose) + find_early_starters(compose)
    assert any(expected in each for each in complaints), complaints


def test_a_secret_that_nobody_makes_is_noticed(secrets: Mapping[str, Files]):
    compose = read_compose()
    compose["services"]["auth"]["volumes"] = ["./secrets/oauth:/run/secrets/chatcraft:ro"]
    with pytest.raises(LookupError, match="oauth"):
        of_compose(compose, secrets)
