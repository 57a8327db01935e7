"""The manifests as `kubectl kustomize` makes them, from files a test may have changed."""

import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.secret_files import make_files, write_files
from tests.deployment.dockerfile import DEPLOY

Json = dict[str, Any]

KUBECTL = Path(sysconfig.get_path("scripts")) / "kubectl"
RENDER_S = 60


@dataclass(frozen=True)
class Manifests:
    """The objects of one overlay."""

    objects: list[Json]

    def of(self, kind: str) -> list[Json]:
        return [each for each in self.objects if each["kind"] == kind]

    def find(self, kind: str, name: str) -> Json:
        """Return the one of that name. Raises LookupError."""
        found = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        if len(found) != 1:
            raise LookupError(f"{len(found)} of {kind}/{name}")
        return found[0]

    def workloads(self) -> Iterator[tuple[str, Json]]:
        """Everything that has pods: its name and the pods' template."""
        for each in self.objects:
            if each["kind"] in {"Deployment", "StatefulSet", "Job"}:
                yield each["metadata"]["name"], each["spec"]["template"]

    def graces_s(self) -> dict[str, float]:
        """How long each has to stop, in seconds."""
        return {
            name: template["spec"].get("terminationGracePeriodSeconds", 30)
            for name, template in self.workloads()
        }


def copy_deploy(target: Path) -> Path:
    """Copy the folder as a user has it after `python3 -m deploy.secret_files`; return the copy."""
    copy = target / "deploy"
    shutil.copytree(DEPLOY, copy, ignore=shutil.ignore_patterns("__pycache__", "secrets"))
    write_files(copy / "secrets", make_files())
    return copy


def render(folder: Path) -> Manifests:
    """Return what `kubectl apply -k folder` would send. Raises ValueError with what kubectl says is wrong."""
    command = [KUBECTL, "kustomize", folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RENDER_S, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr)
    return Manifests([each for each in yaml.safe_load_all(done.stdout) if each])
