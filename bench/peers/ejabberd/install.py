"""Fetches ejabberd and Erlang from Debian into `.tools/peers/ejabberd`, unpacked: nothing is installed.

So it needs no root where the package lists are there, and starts no daemon that has to be stopped again.
"""

import shutil
from pathlib import Path

from bench.peers.install import TOOLS, PeerMissing, run

_PACKAGES = ("ejabberd", "erlang-p1-pgsql")
_SIMULATE = ("apt-get", "install", "--simulate", "--no-install-recommends", "--quiet", *_PACKAGES)


async def install_ejabberd() -> Path:
    """Return the folder that stands for `/`. Raises PeerMissing."""
    folder = TOOLS / "ejabberd"
    root = folder / "root"
    if not (folder / ".done").exists():
        if shutil.which("apt-get") is None:
            raise PeerMissing("ejabberd is fetched from Debian: there is no apt-get")
        shutil.rmtree(folder, ignore_errors=True)
        archives = folder / "archives"
        archives.mkdir(parents=True)
        await run("apt-get", "download", "--quiet", *await _list_packages(), cwd=archives)
        for archive in sorted(archives.glob("*.deb")):
            await run("dpkg-deb", "--extract", str(archive), str(root))
        shutil.rmtree(archives)
        if not list(root.glob("usr/lib/erlang/erts-*")):
            raise PeerMissing("Erlang is installed on this machine: apt does not fetch it once more")
        (folder / ".done").touch()
    return root


async def _list_packages() -> list[str]:
    """Return what apt would install, each as `name=version`."""
    try:
        output = await run(*_SIMULATE)
    except PeerMissing:
        await run("apt-get", "update", "--quiet")
        output = await run(*_SIMULATE)
    # Inst erlang-base (1:25.2.3+dfsg-1 Debian:12/stable [amd64])
    words = [line.split() for line in output.splitlines() if line.startswith("Inst ")]
    return [f"{each[1]}={each[2].lstrip('(')}" for each in words]
