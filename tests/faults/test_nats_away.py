"""NATS away under traffic for longer than anything waits: told clearly; nothing missed, doubled or leaked.

`CHATCRAFT_TEST_LONG=1` makes it three minutes.
"""

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack

import httpx2
import pytest

from tests.faults.bus_faults import (
    SocketTalker,
    become_ready,
    count_held,
    goes_on,
    is_whole,
    lets_go,
    list_events,
    list_feed,
    talking_together,
)
from tests.faults.talking import Talker
from tests.stack import Stack
from tests.wire import Person, Refused, Socket, new_id

IS_LONG = os.environ.get("CHATCRAFT_TEST_LONG") == "1"
# The short one outlasts the link's ping budget (6 s), a command (10 s) and a presence lease (10 s).
AWAY_S = 180.0 if IS_LONG else 12.0
FEED_REMEMBERS_S = 120


@pytest.mark.timeout(300 + AWAY_S)
async def test_nats_away_for_long_is_told_clearly_and_nothing_is_missed_doubled_or_leaked(
    broken: Stack, anna: Person, bert: Person, http: httpx2.AsyncClient
) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with AsyncExitStack() as opened:
        sockets = [await opened.enter_async_context(each.socket()) for each in (anna, bert)]
        talkers = [Talker(anna, room_id), Talker(bert, room_id), SocketTalker(bert, room_id, sockets[1])]
        await become_ready(broken, http)
        held = await count_held(broken)
        async with talking_together(*talkers):
            await broken.kill("nats", number=signal.SIGKILL)
            back_at = time.monotonic() + AWAY_S
            await become_ready(broken, http, 503)
            await is_told_clearly(anna, sockets[0], room_id)
            await asyncio.sleep(back_at - time.monotonic())  # the fault itself
            await broken.restart("nats")
            await become_ready(broken, http)
            await goes_on(talkers)
        assert all(set(each.refusals) == {"unavailable"} for each in talkers)
        await is_whole(broken, talkers, sockets)
        feed, events = await list_feed(broken, room_id), await list_events(anna, room_id)
        assert set(feed) == set(events)
        # What it had stored and not yet acknowledged comes again; it knows that for two minutes only.
        assert AWAY_S > FEED_REMEMBERS_S or len(feed) == len(events)
        await lets_go(broken, held)


async def is_told_clearly(anna: Person, socket: Socket, room_id: str) -> None:
    """At every door, the sockets stay open: to be tried again, with the same id."""
    message = {"id": new_id(), "text": "now?"}
    asked = [
        lambda: anna.rest("POST", f"/rooms/{room_id}/messages", message),
        lambda: anna.rest("GET", f"/rooms/{room_id}/messages"),
        lambda: socket.call("messages.send", {"room_id": room_id, **message}),
        lambda: socket.call("sync", {"rooms": {}}),
    ]
    for ask in asked:
        with pytest.raises(Refused) as caught:
            await ask()
        assert caught.value.status in {503, None}  # a frame has none
        assert caught.value.code == "unavailable"
        assert caught.value.error["retry_after_ms"] > 0
    async with anna.socket(sync=False) as newcomer:
        assert newcomer.ready["d"]["user"]["id"] == anna.id
