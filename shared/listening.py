"""Which addresses a server listens on for the public. Gateways bind them, and who keeps the port for them."""

import errno
import socket
from contextlib import ExitStack

# Browsers try both, the second first, whatever the resolver says: who had it alone would get our visitors.
_LOCALHOST = ("127.0.0.1", "::1")
# What the kernel says where there is no IPv6, or none on loopback.
_ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def bind_all(host: str, port: int, *, is_shared: bool = False) -> list[socket.socket]:
    """Bind a TCP socket to each address that `host` stands for, without listening; none to none of them.

    `localhost` is two where there is IPv6; another name is taken for its first IPv4 address. `is_shared` lets
    further processes bind it, too. Raises OSError if it cannot be bound.
    """
    with ExitStack() as bound:
        sockets: list[socket.socket] = []
        for address in _LOCALHOST if host == "localhost" else (host,):
            try:
                sockets.append(bound.enter_context(_bind(address, port, is_shared=is_shared)))
            except OSError as exc:
                if not sockets or exc.errno not in _ABSENT:
                    raise
        bound.pop_all()
        return sockets


def list_addresses(host: str) -> list[str]:
    """Return the addresses that `bind_all` binds."""
    sockets = bind_all(host, 0)
    addresses = [str(each.getsockname()[0]) for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def _bind(host: str, port: int, *, is_shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
