"""Looks everywhere at the same time, and puts the findings in the order in which they are read."""

import asyncio
from collections.abc import Awaitable

from deploy.local.doctor.bus import examine_bus
from deploy.local.doctor.door import examine_door
from deploy.local.doctor.finding import Finding, fail, warn
from deploy.local.doctor.host import examine_descriptors, examine_disk, examine_processes
from deploy.local.doctor.stores import examine_database, examine_redis
from deploy.local.doctor.targets import Targets


async def examine(targets: Targets) -> list[Finding]:
    """Return all findings; takes some seconds where servers do not answer."""
    here = [examine_disk(targets.data_dir)] if targets.data_dir else []
    here.append(examine_descriptors())
    if targets.data_dir and not targets.is_running and not (targets.database and targets.nats):
        advice = "start it with `chatcraft up`; or set the URLs of the servers that are in use"
        return [*here, fail("chatcraft", f"nothing runs on {targets.data_dir}", advice)]
    looked = await asyncio.gather(
        _look(
            "database",
            "CHATCRAFT_DATABASE_URL",
            examine_database(targets.database) if targets.database else None,
        ),
        _look("redis", "CHATCRAFT_REDIS_URL", examine_redis(targets.redis) if targets.redis else None),
        _look("nats", "CHATCRAFT_NATS_URL", examine_bus(targets.nats) if targets.nats else None),
        examine_processes(targets.health_places),
        _look("address", "--url", examine_door(targets.url) if targets.url else None),
    )
    return [*here, *(finding for findings in looked for finding in findings)]


async def _look(name: str, variable: str, examination: Awaitable[list[Finding]] | None) -> list[Finding]:
    if examination is None:
        return [warn(name, "was not looked at", f"say where it is with {variable}")]
    return await examination
