"""The same loads on ejabberd with its archive of group chats, on a PostgreSQL set up like ours.

Its ack is the copy that the room sends back to the sender: it goes out once the archive has the message.
"""

import asyncio
import os
from typing import Any

from bench.load.load_process import LoadFailed
from bench.load.measure import CpuMeter
from bench.load.speech import XMPP, XmppOpening
from bench.load.talk import Talk, talk_flat_out
from bench.peers.ejabberd.server import DOMAIN, HOST, PASSWORD, ROOMS, Ejabberd, run_ejabberd
from bench.peers.install import PeerMissing
from bench.store.effort import Effort
from bench.store.sends import LOADS, summarise_talk


async def measure_peer(effort: Effort) -> dict[str, Any]:
    """Run each load of ours on it; raises LoadFailed where it cannot be had."""
    try:
        async with run_ejabberd() as server:
            loads = {name: await _measure(server, effort, name) for name in LOADS}
            return {"version": server.version, "loads": loads}
    except (PeerMissing, ConnectionError, TimeoutError) as exc:
        raise LoadFailed(str(exc) or type(exc).__name__) from exc


async def _measure(server: Ejabberd, effort: Effort, name: str) -> dict[str, Any]:
    rooms, members, window = LOADS[name]
    users = await server.add_users(rooms * members)
    talk = Talk(XMPP)
    openings = []
    for place in range(rooms):
        room = f"room{place}-{rooms}@{ROOMS}"
        openings.append((room, [XmppOpening(DOMAIN, user, PASSWORD, room) for user in users[place::rooms]]))
    try:
        await talk.open((HOST, server.port), openings)
        await talk_flat_out(talk, 0.2, effort.warm_s, 1)
        before = await server.count_archived()
        meter = CpuMeter({"ejabberd": server.pid, "load": os.getpid()}, {"postgres": server.postgres_pid})
        repeats = [
            await talk_flat_out(talk, effort.warm_s, effort.window_s, window) for _ in range(effort.repeats)
        ]
        cores = meter.read()
        await asyncio.sleep(effort.warm_s)
        found = summarise_talk(repeats)
        archived = await server.count_archived() - before
        return {**found, "archived": archived, "cores_used": cores}
    finally:
        talk.close()
