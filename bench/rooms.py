"""Many members in small rooms: durable sends a second, and how long an ack and the last delivery take.

`python -m bench.rooms [--members 200] [--rooms 20] [--seconds 10] [--rate 500]`, or `make bench`.
Everything runs on this machine: the three servers, the services, and the load.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import uvloop

from bench.load import limits, report
from bench.load.measure import CpuMeter, summarise_ms
from bench.load.people import create_room, register
from bench.load.sockets import Frame, LoadSocket, open_socket
from deploy.local.data_dir import DataDir
from shared.ids import new_id
from tests.stack import Stack

_TEXT = "x" * 200
_SETTLE_S = 10.0


@dataclass(slots=True)
class Sent:
    """One message on its way."""

    at_s: float
    missing: int
    acked_s: float | None = None
    last_s: float | None = None


@dataclass
class Load:
    """Members in rooms, and every message they have sent."""

    rooms: list[tuple[str, list[LoadSocket]]] = field(default_factory=list)
    sent: dict[str, Sent] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)

    def on_event(self, _socket: LoadSocket, frame: Frame, now_s: float) -> None:
        sent = self.sent.get(frame.d.id) if frame.ev == "message.created" and frame.d else None
        if sent is not None:
            sent.missing -= 1
            sent.last_s = now_s

    async def send(self, room_id: str, sockets: list[LoadSocket], sender: LoadSocket) -> None:
        message_id = new_id()
        sent = self.sent[message_id] = Sent(time.perf_counter(), len(sockets))
        reply = await sender.call("messages.send", {"room_id": room_id, "id": message_id, "text": _TEXT})
        if reply.ok:
            sent.acked_s = time.perf_counter()
        else:
            self.refused[bytes(reply.error)[:60].decode()] = (
                self.refused.get(bytes(reply.error)[:60].decode(), 0) + 1
            )
            del self.sent[message_id]

    async def settle(self) -> int:
        """Wait until everything acked has arrived everywhere; return how many copies have not."""
        end_s = time.perf_counter() + _SETTLE_S
        # Nothing is measured any more: asking now and then is good enough.
        while time.perf_counter() < end_s:
            if not any(each.missing > 0 for each in self.sent.values()):
                break
            await asyncio.sleep(0.05)
        return sum(abs(each.missing) for each in self.sent.values())

    def summarise(self) -> dict[str, Any]:
        acks = [each.acked_s - each.at_s for each in self.sent.values() if each.acked_s]
        lasts = [each.last_s - each.at_s for each in self.sent.values() if each.last_s]
        return {
            "messages": len(acks),
            "ack": summarise_ms(acks),
            "last_delivery": summarise_ms(lasts),
            "refused": self.refused,
        }


async def send_flat_out(load: Load, seconds: float, window: int) -> float:
    """Every member keeps `window` messages in flight; returns acked messages a second."""
    end_s = time.perf_counter() + seconds

    async def one(room_id: str, sockets: list[LoadSocket], sender: LoadSocket) -> None:
        while time.perf_counter() < end_s:
            await load.send(room_id, sockets, sender)

    started_s = time.perf_counter()
    await asyncio.gather(
        *(
            one(room_id, sockets, sender)
            for room_id, sockets in load.rooms
            for sender in sockets
            for _ in range(window)
        )
    )
    return len(load.sent) / (time.perf_counter() - started_s)


async def send_paced(load: Load, seconds: float, rate: float) -> float:
    """Send `rate` messages a second whatever the answers; returns the rate that was kept."""
    tasks: list[asyncio.Task[None]] = []
    started_s = time.perf_counter()
    number = 0
    while (now_s := time.perf_counter() - started_s) < seconds:
        while number < now_s * rate:
            room_id, sockets = load.rooms[number % len(load.rooms)]
            sender = sockets[number // len(load.rooms) % len(sockets)]
            tasks.append(asyncio.create_task(load.send(room_id, sockets, sender)))
            number += 1
        await asyncio.sleep(0.001)
    await asyncio.gather(*tasks)
    return number / seconds


async def measure(load: Load, pids: dict[str, int], phase: Callable[[], Awaitable[float]]) -> dict[str, Any]:
    """Run a phase; its figures, with the CPU each process used."""
    load.sent.clear()
    load.refused.clear()
    meter = CpuMeter(pids)
    rate = await phase()
    cores = meter.read()
    undelivered = await load.settle()
    return {"per_s": round(rate), "undelivered": undelivered, **load.summarise(), "cores_used": cores}


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """Start everything, measure, stop everything."""
    with tempfile.TemporaryDirectory() as folder, DataDir.open(Path(folder) / "data") as data_dir:
        counts = {"auth": 1, "gateway": options.gateways, "messages": options.messages, "presence": 1}
        env = {"CHATCRAFT_LOG_LEVEL": "warning"}
        async with (
            Stack("bench", data_dir, counts=counts, env=env) as stack,
            httpx2.AsyncClient(timeout=30) as http,
        ):
            urls = stack.gateway_urls
            database_url = stack.endpoints.database_url
            commits = {
                f"rows_per_s_{rows}_per_commit": round(await limits.measure_commits(database_url, 2, rows))
                for rows in (1, 200)
            }
            people = await register(http, urls, options.members)
            load = Load()
            for index in range(options.rooms):
                members = people[index :: options.rooms]
                room_id = await create_room(http, urls[0], members)
                sockets = [
                    await open_socket(urls[place % len(urls)], member.token, load.on_event)
                    for place, member in enumerate(members)
                ]
                load.rooms.append((room_id, sockets))
            pids = {child.name: child.pid for child in stack.children.values()} | {"load": os.getpid()}
            await measure(load, pids, lambda: send_paced(load, 2, options.rate))  # warm
            paced = await measure(load, pids, lambda: send_paced(load, options.seconds, options.rate))
            flat_out = await measure(load, pids, lambda: send_flat_out(load, options.seconds, options.window))
            for _, sockets in load.rooms:
                for socket in sockets:
                    socket.close()
            return {
                "scenario": vars(options), "postgresql_alone": commits, "flat_out": flat_out, "paced": paced,
            }  # fmt: skip


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--rooms", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=500, help="messages a second of the paced phase")
    parser.add_argument(
        "--window", type=int, default=2, help="messages each member keeps in flight, flat out"
    )
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--messages", type=int, default=1)
    parser.add_argument("--save", default="rooms", help="name of the file in bench/results")
    options = parser.parse_args()
    show(options, uvloop.run(run(options)))


def show(options: argparse.Namespace, figures: dict[str, Any]) -> None:
    """Print what was measured."""
    paced, flat_out = figures["paced"], figures["flat_out"]
    report.show(
        f"{options.members} members in {options.rooms} rooms",
        [
            ("durable sends/s, flat out", f"{flat_out['per_s']:,}"),
            ("  ack p50 / p99", "{p50_ms} / {p99_ms} ms".format(**flat_out["ack"])),
            (
                "  PostgreSQL alone, 1 row a commit",
                f"{figures['postgresql_alone']['rows_per_s_1_per_commit']:,} rows/s",
            ),
            (
                "  PostgreSQL alone, 200 rows",
                f"{figures['postgresql_alone']['rows_per_s_200_per_commit']:,} rows/s",
            ),
            (
                f"at {paced['per_s']} messages/s",
                f"{paced['messages']:,} sent, {paced['undelivered']} copies missing",
            ),
            ("  send → ack p50 / p99", "{p50_ms} / {p99_ms} ms".format(**paced["ack"])),
            ("  send → last delivery p50 / p99", "{p50_ms} / {p99_ms} ms".format(**paced["last_delivery"])),
            (
                "cores used, flat out",
                ", ".join(f"{name} {share}" for name, share in flat_out["cores_used"].items()),
            ),
        ],
    )
    print(f"\nwritten to {report.save(options.save, figures)}")


if __name__ == "__main__":
    main()
