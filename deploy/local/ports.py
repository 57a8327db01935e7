"""Which TCP ports are free, and who holds one that is not. Knows nothing of what will listen there."""

import errno
import random
import socket
from collections.abc import Container
from contextlib import ExitStack
from pathlib import Path

from shared.listening import bind_all

# Below the kernel's ephemeral range (32768 …), so that an outgoing connection cannot take a port
# between the moment it is chosen and the moment a server binds it.
FREE_PORTS = range(20_000, 32_000)
LISTEN_STATE = "0A"

# Descriptors by port, held for as long as this process lives.
_claims: dict[int, int] = {}
# Ports that are bound for others to listen on.
_reserved: set[int] = set()


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there now, and nobody for whom this process keeps the port.

    Linux lets SO_REUSEADDR skip sockets in TIME_WAIT and those that are only bound, never one that listens.
    """
    if port in _reserved:
        return False
    try:
        bound = bind_all(host, port)
    except OSError as exc:
        if exc.errno in {errno.EADDRINUSE, errno.EACCES}:
            return False
        raise
    for each in bound:
        each.close()
    return True


def claim(port: int) -> bool:
    """Keep other processes from choosing this port while nothing listens on it; False if one of them has it.

    A TCP socket would be in the way of the server that is to come: the UDP port of the same number is held.
    """
    if port not in _claims:
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            held.bind(("127.0.0.1", port))
        except OSError:
            held.close()
            return False
        _claims[port] = held.detach()
    return True


def pick_free(host: str = "127.0.0.1", *, avoid: Container[int] = ()) -> int:
    """Return a free port that is not in `avoid` and that nobody has chosen, this process or another."""
    for port in random.sample(FREE_PORTS, len(FREE_PORTS)):
        if port not in avoid and port not in _claims and is_free(host, port) and claim(port):
            return port
    raise OSError(errno.EADDRINUSE, f"no free port on {host} in {FREE_PORTS.start}-{FREE_PORTS.stop}")


def reserve(host: str, port: int) -> ExitStack:
    """Bind without listening, so that the port stays ours while the processes that share it come and go.

    They bind it too, with SO_REUSEPORT; a socket that does not listen is given no connections. Until the
    result is closed, the port is free for nobody else. Raises OSError if it cannot be bound.
    """
    with ExitStack() as held:
        for each in bind_all(host, port, is_shared=True):
            held.enter_context(each)
        claim(port)
        _reserved.add(port)
        held.callback(_reserved.discard, port)
        return held.pop_all()


def find_owner(port: int) -> str | None:
    """Say who listens on a port, as `nginx, pid 812`; None where /proc does not tell."""
    inodes = _listening_inodes(port)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            links = {link.readlink().name for link in (process / "fd").iterdir()}
            if any(f"socket:[{inode}]" in links for inode in inodes):
                return f"{(process / 'comm').read_text().strip()}, pid {process.name}"
        except OSError:
            continue
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN_STATE and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(fields[9])
    return inodes
