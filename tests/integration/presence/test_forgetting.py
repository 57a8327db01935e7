"""What is kept of somebody, and forgetting it once they have gone and were seen to go."""

import redis.asyncio

from shared.calls import call
from shared.contracts.internal import (
    PRESENCE_FORGET,
    PRESENCE_KEPT,
    PresenceForgotten,
    PresenceKept,
    PresenceOf,
)
from shared.ids import new_id
from tests.integration.presence.setting import until


async def list_keys_about(redis_url: str, user_id: str) -> list[str]:
    """Return the keys of Redis that name a user, in the key or below it."""
    found = []
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        async for key in client.scan_iter():
            kind = await client.type(key)
            values = {
                "hash": client.hgetall,
                "set": client.smembers,
                "zset": lambda name: client.zrange(name, 0, -1),
                "string": client.get,
            }
            if user_id in key or user_id in str(await values[kind](key)):
                found.append(key)
    return found


async def test_a_person_is_forgotten_once_they_have_gone(watcher, start_node, redis_url):
    ann = new_id()
    node = await start_node()
    await node.join(ann)
    await watcher.hears(ann, "online")
    await watcher.set(ann, "dnd", text="in the woods")
    await watcher.hears(ann, "online", "dnd")

    async def forget() -> bool:
        asked = await call(watcher.bus, PRESENCE_FORGET, PresenceOf(ann), PresenceForgotten)
        return asked.is_done

    assert not await forget()
    await node.leave(ann)
    await watcher.hears(ann, "online", "dnd", "offline")
    await until(forget, "forgotten")
    assert await list_keys_about(redis_url, ann) == []
    assert await forget(), "once more changes nothing"


async def test_what_is_kept_is_told_whatever_others_are_shown(watcher, start_node):
    ann = new_id()
    node = await start_node()
    await node.join(ann)
    await watcher.set(ann, "invisible", text="hidden")
    kept = await call(watcher.bus, PRESENCE_KEPT, PresenceOf(ann), PresenceKept)
    assert (kept.status, kept.text, kept.expires_at) == ("invisible", "hidden", None)
    assert kept.last_active_at is not None
    nothing = await call(watcher.bus, PRESENCE_KEPT, PresenceOf(new_id()), PresenceKept)
    assert nothing == PresenceKept("online", "", None, None)
