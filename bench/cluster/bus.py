"""What the bus itself takes, with no service around it: subjects, copies, events of the feed."""

import asyncio
import socket
import time
from typing import Any

from bench.cluster.effort import Effort
from bench.cluster.system import System, add_up
from bench.load.measure import rss_bytes
from bench.load.triggers import Events, await_pong, connect_to_nats
from shared.ids import new_id

_SETTLE_S = 5.0
_AT_ONCE = 1_000
_LISTENERS = 30
_READ_BYTES = 256 * 1024
_STALLED_S = 30.0
# Who may say what: deploy/nats/permissions.conf.
_LISTENER, _STORE = "gateway", "messages"


async def measure_bus(system: System, effort: Effort) -> dict[str, Any]:
    """Return each of the three."""
    await asyncio.sleep(_SETTLE_S)
    return {
        "servers": len(system.list_names("nats")),
        "subjects": await _subscribe(system, effort),
        "copies": await _copy(system, effort),
        "feed": await _feed(system, effort),
    }


def _connect(system: System, user: str, number: int = 0) -> socket.socket:
    urls = system.cluster.endpoints.nats_url_by_user[user].split(",")
    return connect_to_nats(urls[number % len(urls)])


async def _subscribe(system: System, effort: Effort) -> dict[str, Any]:
    """What each server keeps of a subject that somebody on the first listens to."""
    names = system.list_names("nats")
    before = {name: rss_bytes(system.processes[name]) for name in names}
    one = await asyncio.to_thread(_connect, system, _LISTENER)
    meter = system.meter({})
    with one:
        for start in range(0, effort.subjects, _AT_ONCE):
            numbers = range(start + 1, start + _AT_ONCE + 1)
            lines = "".join(f"SUB chat.room.{new_id()}.> {number}\r\n" for number in numbers)
            await asyncio.to_thread(one.sendall, lines.encode())
        await asyncio.to_thread(await_pong, one)
        await asyncio.sleep(_SETTLE_S)
        after = {name: rss_bytes(system.processes[name]) for name in names}
        used_s = add_up(meter.read_s())["nats"]
    home, *others = [round((after[name] - before[name]) / effort.subjects) for name in names]
    return {
        "count": effort.subjects,
        "rss_bytes_where_it_listens": home,
        "rss_bytes_elsewhere": round(sum(others) / len(others)),
        "us_of_all_servers": round(used_s / effort.subjects * 1e6, 1),
    }


async def _copy(system: System, effort: Effort) -> dict[str, Any]:
    """What a copy of an event costs: one subject, listeners on all servers, nothing kept."""
    event = Events(new_id()).next(0)
    subject = f"chat.signal.{new_id()}"
    listeners = [await asyncio.to_thread(_connect, system, _LISTENER, each) for each in range(_LISTENERS)]
    speaker = await asyncio.to_thread(_connect, system, _LISTENER)
    for one in listeners:
        one.sendall(f"SUB {subject}.> 1\r\n".encode())
        await asyncio.to_thread(await_pong, one)
    await asyncio.sleep(1.0)  # until the other servers know
    meter = system.meter({})
    line = f"PUB {subject}.x {len(event)}\r\n".encode() + event + b"\r\n"
    with speaker:
        await asyncio.to_thread(speaker.sendall, line * effort.copied)
        expected = len(f"MSG {subject}.x 1 {len(event)}\r\n") + len(event) + 2
        for one in listeners:
            with one:
                await asyncio.to_thread(_read, one, expected * effort.copied)
    used_s = add_up(meter.read_s())["nats"]
    return {"listeners": _LISTENERS, "us_per_copy": round(used_s / effort.copied / _LISTENERS * 1e6, 2)}


async def _feed(system: System, effort: Effort) -> dict[str, Any]:
    """How many events a second the feed takes and acknowledges, kept on as many servers as there are."""
    event = Events(new_id()).next(0)
    inbox = f"_INBOX.{new_id()}"
    line = f"PUB chat.room.{new_id()}.message.created {inbox} {len(event)}\r\n".encode() + event + b"\r\n"
    meter = system.meter({})
    with await asyncio.to_thread(_connect, system, _STORE) as one:
        one.sendall(f"SUB {inbox} 1\r\n".encode())
        started_s = time.perf_counter()
        for _ in range(effort.fed // _AT_ONCE):
            await asyncio.to_thread(one.sendall, line * _AT_ONCE)
            await asyncio.to_thread(_await_acks, one, inbox.encode(), _AT_ONCE)
        taken_s = time.perf_counter() - started_s
    used_s = add_up(meter.read_s())["nats"]
    return {
        "at_once": _AT_ONCE,
        "per_s": round(effort.fed / taken_s),
        "us_per_event": round(used_s / effort.fed * 1e6, 1),
    }


def _read(one: socket.socket, size: int) -> None:
    one.settimeout(_STALLED_S)
    while size > 0:
        if not (data := one.recv(_READ_BYTES)):
            raise ConnectionError("NATS closed the connection")
        size -= len(data)


def _await_acks(one: socket.socket, inbox: bytes, count: int) -> None:
    one.settimeout(_STALLED_S)
    heard = b""
    while heard.count(b"MSG " + inbox) < count:
        if not (data := one.recv(_READ_BYTES)):
            raise ConnectionError("NATS closed the connection")
        heard += data
        if b"-ERR" in data or b'"error"' in data:
            raise ConnectionError(f"NATS refused: {data[:300]!r}")
