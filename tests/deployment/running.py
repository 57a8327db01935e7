"""Runs containers of the manifests as processes: their command, environment and files, and nothing else.

What an engine does beside that is done here by names: paths of the image and of mounts are found below
a folder, ports are free ones on loopback.
"""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import probe
from deploy.local.child import Program, launch_argv
from tests.deployment.containers import Container
from tests.deployment.rendering import Json

HOST = "127.0.0.1"
START_S = 90.0
# What engines give a container: few descriptors, and the right to ask for more.
LIMITED = ("/bin/sh", "-c", 'ulimit -S -n 1024 && exec "$@"', "sh")


@dataclass
class Process:
    """One container's process, under way or done."""

    container: Container
    ports: Mapping[str, int]
    log: Path
    process: asyncio.subprocess.Process = field(repr=False)

    async def ask(self, name: str) -> bool:
        """Do as the kubelet does with the probe of that name."""
        spec: Json = self.container.spec[name]
        match spec:
            case {"httpGet": {"path": path, "port": port}}:
                return await probe.is_http_ok(HOST, self.ports[port], path)
            case {"tcpSocket": {"port": port}}:
                return await probe.can_connect(HOST, self.ports[port])
        raise AssertionError(f"no such probe: {spec}")

    async def wait_ready(self) -> None:
        """Return when it has started and is ready. Fails with its log if it ends or does not get there."""
        try:
            async with asyncio.timeout(START_S):
                for name in ("startupProbe", "readinessProbe"):
                    while not await self.ask(name):
                        assert self.process.returncode is None, self.read_log()
                        await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{self.container.name} is not ready: {self.read_log()}") from None

    def list_written(self) -> list[str]:
        """Files of a disk that it has open for writing, but its log."""
        found = []
        for entry in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                target = str(entry.readlink())
                flags = int((entry.parent.parent / "fdinfo" / entry.name).read_text().split()[3], 8)
                if target.startswith("/") and not target.startswith("/dev/") and flags & os.O_ACCMODE:
                    found.append(target)
        return [each for each in found if each != str(self.log)]

    async def stop(self, grace_s: float) -> int:
        """SIGTERM as Kubernetes does; returns the exit code, -9 if the grace was not enough."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.process.wait(), grace_s)
        except TimeoutError:
            self.process.kill()
            return await self.process.wait()

    def read_log(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-4_000:]


async def start(
    container: Container, folder: Path, *, names: Mapping[str, str], ports: Mapping[str, int], more: list[str]
) -> Process:
    """Start it. `names` are replaced in commands, environment and files; `more` ends the command."""
    root, log = folder / container.name, folder / f"{container.name}.log"
    files = {
        mount: _mount(root, mount, contents, names) for mount, contents in container.files_by_mount.items()
    }
    env = {name: _replace(value, names | files) for name, value in container.env.items()}
    env |= {"CHATCRAFT_SECRETS_DIR": files["/run/secrets/chatcraft"]} if container.is_ours else {}
    argv = [_replace(word, names | files) for word in container.argv] + more
    program = shutil.which(argv[0], path=env.get("PATH", ""))
    assert program, f"{argv[0]} is not in {env.get('PATH')}"
    launched = Program(name=container.name, argv=(*LIMITED, program, *argv[1:]), log=log, is_ready=_never)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *launch_argv(launched), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            env=env, cwd="/", start_new_session=True,
        )  # fmt: skip
    return Process(container, ports, log, process)


def _mount(root: Path, mount: str, contents: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Write files as Kubernetes mounts them: each a link, behind one link that is moved when they change."""
    folder = root / mount.strip("/")
    (folder / "..2026").mkdir(parents=True)
    (folder / "..data").symlink_to("..2026")
    for name, text in contents.items():
        (folder / "..2026" / name).write_text(_replace(text, names), encoding="utf-8")
        (folder / name).symlink_to(f"..data/{name}")
    return str(folder)


async def _never(pid: int) -> bool:
    del pid
    return False


def _replace(text: str, names: Mapping[str, str]) -> str:
    """In one go: what a name stands for may hold another name."""
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(pattern, lambda found: names[found[0]], text) if names else text
