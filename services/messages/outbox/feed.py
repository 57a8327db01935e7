"""The feed: the JetStream stream that keeps every room event for other services.

PostgreSQL is the truth; without JetStream chat goes on and the feed is filled later.
"""

import asyncio
from collections.abc import Callable

import nats.errors
from nats.js import api
from nats.js.errors import NotFoundError

from shared.bus import Bus, subjects
from shared.telemetry import get_logger

log = get_logger(__name__)

_KEPT_S = 7 * 24 * 3600
# An event is published again within seconds; two minutes cover a restart of everything.
_DUPLICATES_S = 120
_CHECK_EVERY_S = 2.0


async def keep_stream(bus: Bus, is_feed_up: Callable[[], bool]) -> None:
    """Create the stream if it is missing, at the start and whenever events go unacknowledged.

    An existing one stays as its operator has set it. Runs until cancelled.
    """
    is_known = False
    while True:
        if not is_known or not is_feed_up():
            try:
                await _create_stream(bus)
                is_known = True
            except (nats.errors.Error, TimeoutError) as exc:
                log.warning("feed_not_ready", reason=str(exc) or type(exc).__name__)
        await asyncio.sleep(_CHECK_EVERY_S)


async def _create_stream(bus: Bus) -> None:
    try:
        await bus.jetstream.stream_info(subjects.STREAM)
    except NotFoundError:
        await bus.jetstream.add_stream(
            api.StreamConfig(
                name=subjects.STREAM,
                subjects=subjects.STREAM_SUBJECTS,
                storage=api.StorageType.FILE,
                retention=api.RetentionPolicy.LIMITS,
                max_age=_KEPT_S,
                duplicate_window=_DUPLICATES_S,
            )
        )
