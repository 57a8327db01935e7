"""Accepts sockets and writes one frame to each whenever it is told to: what no server can be cheaper than.

`python bench/raw/writer.py PORT SOCKETS`. The socket after the last one gives the orders: first the
length of a frame in four bytes and the frame, then, each time, how many of them to write to everybody.
"""

import socket
import sys


def read_exactly(orders: socket.socket, size: int) -> bytes:
    """Return `size` bytes, or fewer at the end."""
    data = b""
    while len(data) < size and (more := orders.recv(size - len(data))):
        data += more
    return data


def main() -> None:
    """Entry point."""
    port, count = int(sys.argv[1]), int(sys.argv[2])
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(4096)
    sockets = [listener.accept()[0] for _ in range(count)]
    for each in sockets:
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sends = [each.send for each in sockets]
    orders = listener.accept()[0]
    frame = read_exactly(orders, int.from_bytes(read_exactly(orders, 4)))
    while order := read_exactly(orders, 4):
        frames = frame * int.from_bytes(order)
        for send in sends:
            send(frames)


if __name__ == "__main__":
    main()
