"""The peers as running servers, each pinned to the core that the gateway is measured on."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bench.load.pinning import pin
from bench.load.plan import Kind, Plan
from bench.peers.install import PeerMissing, install_channels, install_node
from deploy.local import ports

_HERE = Path(__file__).resolve().parent
_RAW = _HERE.parent / "raw" / "writer.py"
LOGS = _HERE.parents[1] / "test-artifacts" / "bench-peers"
_HOST = "127.0.0.1"
_START_S = 30.0

Command = tuple[list[str], dict[str, str]]
"""How to run a server: its argv, and what to add to the environment."""
Prepare = Callable[[int, int, str], Awaitable[Command]]
"""Gets port, number of sockets and the URL of Redis; installs what is missing."""


async def _raw(port: int, members: int, redis_url: str) -> Command:
    del redis_url
    return [sys.executable, str(_RAW), str(port), str(members)], {}


def _node(script: str) -> Prepare:
    async def prepare(port: int, members: int, redis_url: str) -> Command:
        del members, redis_url
        node, packages = await install_node()
        return [str(node), str(_HERE / "node" / script), str(port)], {"NODE_PATH": str(packages)}

    return prepare


def _channels(layer: str) -> Prepare:
    async def prepare(port: int, members: int, redis_url: str) -> Command:
        del members
        python = await install_channels()
        env = {"DJANGO_SETTINGS_MODULE": "channels_settings", "LAYER": layer, "REDIS_URL": redis_url}
        return [str(python), str(_HERE / "channels" / "channels_server.py"), str(port)], env

    return prepare


PEERS: dict[str, tuple[Kind, Prepare]] = {
    "raw write loop": ("raw", _raw),
    "Node ws": ("websocket", _node("ws_server.js")),
    "Socket.IO": ("socket_io", _node("socket_io_server.js")),
    "Django Channels, channels_redis": ("websocket", _channels("channels_redis.core.RedisChannelLayer")),
    "Django Channels, channels_redis pub/sub": (
        "websocket", _channels("channels_redis.pubsub.RedisPubSubChannelLayer"),
    ),
}  # fmt: skip


@asynccontextmanager
async def run_peer(name: str, members: int, redis_url: str, server_core: int) -> AsyncIterator[Plan]:
    """Start a peer and return how a crowd connects to it. Raises PeerMissing."""
    kind, prepare = PEERS[name]
    port = ports.pick_free()
    argv, env = await prepare(port, members, redis_url)
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / f"{name.replace('/', ' ')}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*argv, env=os.environ | env, stdout=log, stderr=log)
    try:
        await _wait_listening(port, process)
        pin(process.pid, frozenset({server_core}))
        yield Plan(
            kind=kind, server_pid=process.pid, host=_HOST, port=port, members=members,
            path="/chat", trigger_path="/speak",
        )  # fmt: skip
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _wait_listening(port: int, process: asyncio.subprocess.Process) -> None:
    # Asked of the kernel: to connect would be the first socket of the raw writer.
    end_s = time.perf_counter() + _START_S
    while ports.is_free(_HOST, port):
        if process.returncode is not None or time.perf_counter() > end_s:
            raise PeerMissing("the server did not start")
        await asyncio.sleep(0.05)
