"""The feed: the JetStream stream that keeps every room event for other services, and what they need.

PostgreSQL is the truth; without JetStream chat goes on and the feed is filled later.
"""

import asyncio
from collections.abc import Callable

import nats.errors
from nats.js import api
from nats.js.errors import NotFoundError

from services.messages.settings import MessagesSettings
from shared.bus import Bus
from shared.contracts.feed import DEAD_EVENTS, DEAD_STREAM, POSITIONS, ROOM_EVENTS, STREAM
from shared.telemetry import get_logger

log = get_logger(__name__)

_DAY_S = 24 * 3600
# An event is published again within seconds; two minutes cover a restart of everything.
_DUPLICATES_S = 120
_DEAD_KEPT_S = 30 * _DAY_S
_DEAD_MAX_BYTES = 256 * 1024 * 1024
_CHECK_EVERY_S = 2.0
# What the settings say; the rest of a stream's configuration is its operator's.
_OURS = ("subjects", "max_age", "max_bytes", "num_replicas", "discard", "duplicate_window")


async def keep_stream(bus: Bus, settings: MessagesSettings, is_feed_up: Callable[[], bool]) -> None:
    """Bring the streams to their settings, at the start and whenever events go unacknowledged.

    Runs until cancelled. What the server refuses is logged and tried again; chat does not wait for it.
    """
    is_known = False
    while True:
        if not is_known or not is_feed_up():
            try:
                for config in list_streams(settings):
                    await _bring_to(bus, config)
                is_known = True
            except (nats.errors.Error, TimeoutError) as exc:
                log.warning("feed_not_ready", reason=str(exc) or type(exc).__name__)
        await asyncio.sleep(_CHECK_EVERY_S)


def list_streams(settings: MessagesSettings) -> list[api.StreamConfig]:
    """Return the feed first, then where consumers put dead letters and positions."""
    every = api.StreamConfig(
        storage=api.StorageType.FILE,
        # At the limit the oldest goes: the newest is never refused, its outbox row would stay.
        discard=api.DiscardPolicy.OLD,
        duplicate_window=_DUPLICATES_S,
        num_replicas=settings.messages_feed_replicas,
    )
    return [
        every.evolve(
            name=STREAM,
            subjects=[ROOM_EVENTS],
            max_age=settings.messages_feed_days * _DAY_S,
            max_bytes=settings.messages_feed_max_bytes,
        ),
        every.evolve(
            name=DEAD_STREAM, subjects=[DEAD_EVENTS], max_age=_DEAD_KEPT_S, max_bytes=_DEAD_MAX_BYTES
        ),
        # As a NATS key-value bucket is: one value a key, read from any server.
        every.evolve(
            name=f"KV_{POSITIONS}",
            subjects=[f"$KV.{POSITIONS}.>"],
            discard=api.DiscardPolicy.NEW,
            max_age=0,
            max_bytes=-1,
            max_msgs_per_subject=1,
            allow_rollup_hdrs=True,
            deny_delete=True,
            allow_direct=True,
        ),
    ]


async def _bring_to(bus: Bus, wanted: api.StreamConfig) -> None:
    assert wanted.name is not None
    try:
        present = (await bus.jetstream.stream_info(wanted.name)).config
    except NotFoundError:
        await bus.jetstream.add_stream(wanted)
        return
    changes = {name: getattr(wanted, name) for name in _OURS}
    if any(getattr(present, name) != value for name, value in changes.items()):
        await bus.jetstream.update_stream(present.evolve(**changes))
        log.info("feed_changed", stream=wanted.name)
