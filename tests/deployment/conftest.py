"""The two overlays, rendered once for all tests here; each test gets copies that it may spoil."""

import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

import pytest

from deploy.secret_files import make_files
from tests.deployment.containers import Container, Files, of_manifests
from tests.deployment.dockerfile import ROOT
from tests.deployment.rendering import Manifests, copy_deploy, render

HOWTO = ROOT / "docs" / "howto" / "deploy-on-kubernetes.md"


@pytest.fixture(scope="session")
def deploy_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder deploy/, with secrets."""
    return copy_deploy(tmp_path_factory.mktemp("deployment"))


@pytest.fixture(scope="session")
def rendered(deploy_copy: Path) -> Mapping[str, Manifests]:
    return {name: render(deploy_copy / "k8s" / "overlays" / name) for name in ("dev", "prod")}


@pytest.fixture(scope="session")
def described_secrets() -> Mapping[str, Files]:
    """The Secrets that the howto tells the operator to make, with values of the right kind."""
    rows = re.findall(
        r"^\| `(\w+)` \| ((?:`[A-Z_]+`(?:, )?)+) \|", HOWTO.read_text(encoding="utf-8"), re.MULTILINE
    )
    values = {key: value for files in make_files().values() for key, value in files.items()}
    return {name: {key: values[key] for key in re.findall("`([A-Z_]+)`", keys)} for name, keys in rows}


@pytest.fixture
def dev(rendered: Mapping[str, Manifests]) -> Manifests:
    return deepcopy(rendered["dev"])


@pytest.fixture
def prod(rendered: Mapping[str, Manifests]) -> Manifests:
    return deepcopy(rendered["prod"])


@pytest.fixture(params=["dev", "prod"])
def overlay(request: pytest.FixtureRequest, rendered: Mapping[str, Manifests]) -> Manifests:
    """Either."""
    return deepcopy(rendered[request.param])


@pytest.fixture
def containers(overlay: Manifests, described_secrets: Mapping[str, Files]) -> list[Container]:
    """Those of either overlay."""
    return of_manifests(overlay, described_secrets)
