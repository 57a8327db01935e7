"""The image without a container engine: what is below /opt/chatcraft, made by the Dockerfile's own lines."""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.deployment.dockerfile import DEPLOY, ROOT, Stage, is_sent, read_stages

HOME = "/opt/chatcraft"
BUILD_S = 300


def build(target: Path) -> Path:
    """Do what the stage `packages` does, and put the web client beside; return the place of /opt/chatcraft.

    With the Python that runs this test, and with links into uv's cache instead of copies.
    """
    *_, packages, last = read_stages((DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    home, source = target / "image", target / "src"
    source.mkdir(parents=True)
    env = {**os.environ, **packages.env, "UV_PROJECT_ENVIRONMENT": str(home), "UV_PYTHON": sys.executable}
    for name in ("UV_LINK_MODE", "UV_COMPILE_BYTECODE", "VIRTUAL_ENV"):
        env.pop(name, None)
    for name, rest in packages.steps:
        if name == "COPY":
            _copy(rest, source)
        elif name == "RUN" and rest.startswith("uv "):
            uv = Path(sysconfig.get_path("scripts")) / "uv"
            command = [uv, *shlex.split(rest)[1:], "--quiet"]
            subprocess.run(command, cwd=source, env=env, check=True, timeout=BUILD_S)
    shutil.rmtree(source)  # the image has none of it
    (home / "web").symlink_to(ROOT / "web" / "dist")
    assert _carries(last) == {HOME, f"{HOME}/web"}
    return home


def _copy(rest: str, source: Path) -> None:
    *names, _ = rest.split()
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for name in names:
        origin = ROOT / name
        files = [origin] if origin.is_file() else [each for each in origin.rglob("*") if each.is_file()]
        for file in files:
            path = file.relative_to(ROOT)
            if is_sent(path.as_posix(), ignore):
                (source / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, source / path)


def _carries(last: Stage) -> set[str]:
    return {target for _, _, target in last.copies}
