"""The gateway's watchers against the real service: no hole after the snapshot, nothing lost for good."""

import asyncio
from typing import Any

import msgspec
import pytest

from services.gateway.frames import split_frames
from services.gateway.presence import Watches
from shared import kv
from shared.background import Background
from shared.contracts.internal import PRESENCE_READ
from shared.contracts.presence import WatchPresence
from shared.ids import new_id
from tests.integration.presence.setting import until


class Screen:
    """What `Watches` needs of a connection, and what it was told."""

    def __init__(self) -> None:
        self.watched: frozenset[str] = frozenset()
        self.is_closed = False
        self.can_take = True
        self.told: list[tuple[str, str]] = []

    def write(self, frames: bytes) -> None:
        for payload in split_frames(frames):
            self.send(payload)

    def send(self, payload: bytes) -> None:
        frame = msgspec.json.decode(payload)
        assert frame["ev"] == "presence.changed"
        self.told.append((frame["d"]["user_id"], frame["d"]["status"]))


@pytest.fixture
async def watches(service, gateway_bus):
    async with Background() as background:
        made = Watches(gateway_bus, background)
        made.start()
        yield made


@pytest.fixture
async def node(start_node):
    return await start_node()


async def follow(watches: Watches, screen: Screen, *user_ids: str) -> list[str]:
    reply = await watches.watch(screen, WatchPresence(list(user_ids)))  # type: ignore[arg-type]  # stands for one
    return [each.status for each in reply.presences]


async def test_watchers_get_a_snapshot_and_then_the_changes_of_whom_they_watch_and_of_nobody_else(
    watches, node, watcher
):
    ann, bob, carl = new_id(), new_id(), new_id()
    await node.join(ann)
    await watcher.hears(ann, "online")
    screen, other = Screen(), Screen()
    assert await follow(watches, screen, ann, bob) == ["online", "offline"]
    assert await follow(watches, other, carl) == ["offline"]
    await node.join(bob, carl)
    await until(lambda: bool(screen.told and other.told), "both are told")
    assert (screen.told, other.told) == ([(bob, "online")], [(carl, "online")])


async def test_a_change_that_overtakes_the_snapshot_is_not_undone_by_it(
    watches, node, gateway_bus, monkeypatch
):
    ann, screen = new_id(), Screen()
    is_answered, may_arrive = asyncio.Event(), asyncio.Event()
    request = gateway_bus.request

    async def slow_reading(subject: str, payload: bytes, **options: Any) -> bytes:
        answer = await request(subject, payload, **options)
        if subject == PRESENCE_READ:
            is_answered.set()
            await may_arrive.wait()
        return answer

    monkeypatch.setattr(gateway_bus, "request", slow_reading)
    watching = asyncio.create_task(follow(watches, screen, ann))
    await is_answered.wait()
    await node.join(ann)
    await until(lambda: screen.told == [(ann, "online")], "the change arrives first")
    may_arrive.set()
    assert await watching == ["online"]
    assert screen.told == [(ann, "online")]


async def test_what_changed_unheard_is_shown_by_the_next_reading(watches, node, watcher, redis_url):
    ann, screen = new_id(), Screen()
    await node.join(ann)
    await watcher.hears(ann, "online")
    assert await follow(watches, screen, ann) == ["online"]
    async with kv.create_client(redis_url) as client:
        await client.hset(f"presence:person:{ann}", "status", "dnd")  # and nobody announces it
    watches.reread_soon()
    await until(lambda: screen.told == [(ann, "dnd")], "shown after trouble")


async def test_all_who_are_watched_are_read_again_now_and_then(
    gateway_bus, node, watcher, redis_url, monkeypatch
):
    monkeypatch.setattr("services.gateway.presence._REREAD_S", 0.1)
    ann, screen = new_id(), Screen()
    await node.join(ann)
    await watcher.hears(ann, "online")
    async with Background() as background:
        watches = Watches(gateway_bus, background)
        watches.start()
        assert await follow(watches, screen, ann) == ["online"]
        async with kv.create_client(redis_url) as client:
            await client.hset(f"presence:person:{ann}", "status", "away")
        await until(lambda: screen.told == [(ann, "away")], "shown without anybody asking")


async def test_a_reading_of_data_that_was_just_lost_calls_nobody_offline(watches, node, watcher, redis_url):
    ann, screen = new_id(), Screen()
    await node.join(ann)
    await watcher.hears(ann, "online")
    assert await follow(watches, screen, ann) == ["online"]
    await node.pause()
    async with kv.create_client(redis_url) as client:
        await client.flushall()
    await watches._reread()
    assert screen.told == []
    node.resume()
    await watcher.hears(ann, "online", "online")
    assert (ann, "offline") not in screen.told


async def test_a_slow_reader_is_told_once_it_has_drained_how_people_look_then(watches, node, watcher):
    ann, bob, screen, quick = new_id(), new_id(), Screen(), Screen()
    await follow(watches, screen, ann, bob)
    await follow(watches, quick, ann, bob)
    screen.can_take = False
    await node.join(ann)
    await until(lambda: (ann, "online") in quick.told, "ann is online")
    await watcher.set(ann, "dnd")
    await until(lambda: (ann, "dnd") in quick.told, "ann is busy")
    assert screen.told == []
    screen.can_take = True
    watches.on_drained(screen)
    watches.on_drained(screen)
    assert screen.told == [(ann, "dnd")]


async def test_the_last_watcher_takes_the_subscription_along(watches, gateway_bus):
    ann, here, there = new_id(), Screen(), Screen()
    before = gateway_bus.subscription_count
    for screen in (here, there):
        await follow(watches, screen, ann)
    assert gateway_bus.subscription_count == before + 1
    watches.forget(here)
    assert gateway_bus.subscription_count == before + 1
    await watches.unwatch(there, WatchPresence([ann]))
    assert gateway_bus.subscription_count == before
