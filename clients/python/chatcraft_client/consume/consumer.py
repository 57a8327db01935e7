"""A durable consumer of the feed for another service: events of each room in order, each once, none skipped.

Puts the parts together: `durable` brings events, `order` sorts them, `positions` remembers, `gaps` fills.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Self

import msgspec
import nats.errors
from nats.aio.client import Client as Nats
from nats.aio.msg import Msg

from chatcraft_client.client import Client
from chatcraft_client.consume.dead_letters import bury
from chatcraft_client.consume.delivery import Delivery
from chatcraft_client.consume.durable import ACK_WAIT_S, Durable, Lost, Start, connect
from chatcraft_client.consume.gaps import ROOM_GAP, describe_gap
from chatcraft_client.consume.order import Arrival, Place, RoomOrder, Verdict
from chatcraft_client.consume.positions import BusPositions, Positions, Superseded
from chatcraft_client.consume.selection import Share, is_match, name_durable, widen
from chatcraft_client.errors import ChatCraftError
from chatcraft_client.frames import Event, decode_frame, to_event
from shared.contracts.feed import ROOM_EVENTS

log = logging.getLogger("chatcraft_client")

MAX_TRIES = 5
GAP_WAIT_S = 15.0
"""Longer than a dead process's events take to come again, and than the outbox's first pause."""

UNREADABLE_WAIT_S = 75.0
"""An outbox row is put off by at most 60 s: where nothing can be asked, wait for it."""

_SETTLE_S = 0.5  # the first events of an unknown room may have overtaken each other
_TICK_S = 0.25
_IN_PROGRESS_EVERY_S = ACK_WAIT_S / 4
_PAUSE_MAX_S = 60.0
_SAVE_RETRY_S = 1.0


@dataclass(slots=True, eq=False)
class _Room:
    id: str
    order: RoomOrder
    waits_since: float = 0.0
    asks_from: float = 0.0
    """Not to be asked about before."""
    is_asking: bool = False


class Consumer:
    """`async with` it, then iterate over deliveries or `run` a handler. See `chatcraft_client.consume`."""

    def __init__(
        self,
        nats_url: str,
        durable: str,
        subjects: Sequence[str] = (ROOM_EVENTS,),
        *,
        start: Start = "new",
        client: Client | None = None,
        positions: Positions | None = None,
        share: Share | None = None,
        max_tries: int = MAX_TRIES,
        first_pause_s: float = 1.0,
        gap_wait_s: float = GAP_WAIT_S,
        unreadable_wait_s: float = UNREADABLE_WAIT_S,
    ) -> None:
        self.durable = name_durable(durable, share)
        self._url = nats_url
        self._subjects = list(subjects)
        self._filters = widen(self._subjects)
        self._start = start
        self._client = client
        self._given_positions = positions
        self._share = share
        self._max_tries = max_tries
        self._first_pause_s = first_pause_s
        self._gap_wait_s = gap_wait_s
        self._unreadable_wait_s = unreadable_wait_s
        self._rooms: dict[str, _Room] = {}
        self._unfinished: dict[int, tuple[_Room, str]] = {}
        self._ready: asyncio.Queue[tuple[_Room, Delivery] | None] = asyncio.Queue()
        self._failure: BaseException | None = None
        self._nc: Nats
        self._bus: Durable
        self._positions: Positions

    async def __aenter__(self) -> Self:
        """Connect and attach. Raises ChatCraftError `unavailable` if there is no bus or no feed."""
        async with AsyncExitStack() as stack:
            self._nc = await connect(self._url, f"consumer {self.durable}")
            stack.push_async_callback(self._nc.close)
            self._bus = Durable(self._nc, self.durable, self._filters)
            await self._bus.attach(self._start)
            self._positions = self._given_positions or await BusPositions.open(
                self._nc.jetstream(), self.durable
            )
            self._main = asyncio.create_task(self._work(), name=f"consumer {self.durable}")
            self._main.add_done_callback(self._on_end)
            stack.push_async_callback(self._release)
            stack.push_async_callback(self._stop)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and give back what is unfinished: whoever comes next gets it at once."""
        await self._stack.aclose()

    def __aiter__(self) -> AsyncIterator[Delivery]:
        return self

    async def __anext__(self) -> Delivery:
        """Wait for the next delivery; several tasks may. Raises what ended the consumer."""
        while True:
            _heed_cancellation()
            item = await self._ready.get()
            if item is None:
                self._ready.put_nowait(None)
                raise self._failure or StopAsyncIteration
            room, delivery = item
            if self._is_current(room):
                return delivery

    async def run(self, handle: Callable[[Event], Awaitable[None]], at_once: int = 1) -> None:
        """Handle events until cancelled, of up to `at_once` rooms at the same time."""
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._handle_each(handle))

    async def _handle_each(self, handle: Callable[[Event], Awaitable[None]]) -> None:
        async for delivery in self:
            async with delivery as event:
                await handle(event)

    # What comes in

    async def _work(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._bus.run())
                group.create_task(self._take_in())
                group.create_task(self._tick(group))
        except ExceptionGroup as exc:
            raise exc.exceptions[0] from None

    async def _take_in(self) -> None:
        while True:
            message = await self._bus.arrived.get()
            if isinstance(message, Lost):
                log.info("consumer %s: another process has it now", self.durable)
                self._rooms.clear()
                self._unfinished.clear()
            else:
                await self._take(message)

    async def _take(self, message: Msg) -> None:
        room_id, place = _read_place(message)
        if self._share is not None and not self._share.has(room_id):
            await self._bus.say(message.reply, "+ACK")
            return
        room = self._rooms.get(room_id)
        if room is None:
            room = _Room(room_id, RoomOrder(await self._load(room_id)))
            self._rooms[room_id] = room
        arrival = _to_arrival(message, room_id, place)
        if not room.order.is_waiting:
            room.waits_since = monotonic()
        match room.order.put(arrival):
            case Verdict.REPEATED:
                await self._bus.say(arrival.reply, "+ACK")
            case Verdict.UNDER_WAY:
                pass
            case Verdict.KEPT:
                self._unfinished[arrival.stream_seq] = (room, arrival.reply)
                await self._advance(room)

    async def _advance(self, room: _Room) -> None:
        """Hand out the room's next event; what nobody wants is dealt with on the way."""
        while self._is_current(room) and (arrival := room.order.take()) is not None:
            if any(is_match(pattern, arrival.subject) for pattern in self._subjects):
                self._hand_out(room, arrival.event, arrival.place, [arrival])
                return
            await self._settle(room, arrival.place, [arrival])

    def _hand_out(self, room: _Room, event: Event, place: Place, arrivals: list[Arrival]) -> None:
        on_done, on_failed = partial(self._on_done, room), partial(self._on_failed, room)
        self._ready.put_nowait((room, Delivery(event, place, arrivals, on_done, on_failed)))

    # What becomes of it

    async def _on_done(self, room: _Room, delivery: Delivery) -> None:
        await self._settle(room, delivery.place, delivery.arrivals)
        await self._advance(room)

    async def _on_failed(self, room: _Room, delivery: Delivery, exc: Exception) -> None:
        delivery.tries += 1
        what = (delivery.event.name, delivery.room_id, delivery.tries)
        log.warning("%s of room %s failed %d times", *what, exc_info=exc)
        if delivery.tries >= self._max_tries:
            try:
                await bury(self._nc.jetstream(), self.durable, delivery, exc)
            except (nats.errors.Error, TimeoutError) as refusal:
                log.warning("no dead letter could be stored: %r", refusal)
            else:
                await self._on_done(room, delivery)
                return
        pause_s = min(_PAUSE_MAX_S, self._first_pause_s * 2 ** (delivery.tries - 1))
        asyncio.get_running_loop().call_later(pause_s, self._ready.put_nowait, (room, delivery))

    async def _settle(self, room: _Room, place: Place, arrivals: list[Arrival]) -> None:
        """Save the place, then acknowledge: the other way round a crash would lose it."""
        if not self._is_current(room):
            return  # it is another process's, which gets it again
        try:
            await self._save(room.id, place)
        except Superseded:
            log.info("consumer %s: another process is ahead in room %s", self.durable, room.id)
            self._forget(room)
            return
        for arrival in arrivals:
            self._unfinished.pop(arrival.stream_seq, None)
            await self._bus.say(arrival.reply, "+ACK")
        room.order.finish()
        room.waits_since = monotonic()

    async def _load(self, room_id: str) -> Place | None:
        while True:
            try:
                return await self._positions.load(room_id)
            except (nats.errors.Error, TimeoutError) as exc:
                log.warning("cannot load a position: %r", exc)
                await asyncio.sleep(_SAVE_RETRY_S)

    async def _save(self, room_id: str, place: Place) -> None:
        while True:
            try:
                return await self._positions.save(room_id, place)
            except (nats.errors.Error, TimeoutError) as exc:
                log.warning("cannot save a position: %r", exc)
                await asyncio.sleep(_SAVE_RETRY_S)

    # What is missing

    async def _tick(self, group: asyncio.TaskGroup) -> None:
        told_at = monotonic()
        while True:
            await asyncio.sleep(_TICK_S)
            now = monotonic()
            for room in {room.id: room for room, _ in self._unfinished.values()}.values():
                if self._is_overdue(room, now):
                    room.is_asking, room.asks_from = True, now + self._gap_wait_s
                    group.create_task(self._go_past_gap(room, now - room.waits_since))
            if now - told_at >= _IN_PROGRESS_EVERY_S:
                told_at = now
                for _, reply in list(self._unfinished.values()):
                    await self._bus.say(reply, "+WPI")

    def _is_overdue(self, room: _Room, now: float) -> bool:
        if room.is_asking or not room.order.is_waiting:
            return False
        wait_s = _SETTLE_S if room.order.done is None else self._gap_wait_s
        return now >= max(room.waits_since + wait_s, room.asks_from)

    async def _go_past_gap(self, room: _Room, waited_s: float) -> None:
        try:
            if room.order.done is None:
                room.order.begin()
                room.asks_from = 0.0
                await self._advance(room)
                return
            event = await describe_gap(self._client, room.id, room.order.done, room.order.first)
        except ChatCraftError as exc:
            log.warning("cannot fill the gap in room %s: %s", room.id, exc)
            return
        finally:
            room.is_asking = False
        is_early = event.name == ROOM_GAP and waited_s < self._unreadable_wait_s
        # Meanwhile what was missing may have come.
        if is_early or not room.order.is_waiting or not self._is_current(room):
            return
        room.asks_from = 0.0
        place = Place(event.epoch or 0, event.rev or 0)
        self._hand_out(room, event, place, room.order.skip_to(place))

    # The end

    def _is_current(self, room: _Room) -> bool:
        return self._rooms.get(room.id) is room

    def _forget(self, room: _Room) -> None:
        self._rooms.pop(room.id, None)
        self._unfinished = {seq: item for seq, item in self._unfinished.items() if item[0] is not room}

    def _on_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._failure = task.exception()
        self._ready.put_nowait(None)

    async def _stop(self) -> None:
        while not self._main.done():  # again: see `_heed_cancellation`
            self._main.cancel()
            await asyncio.wait([self._main], timeout=_TICK_S)

    async def _release(self) -> None:
        for _, reply in self._unfinished.values():
            await self._bus.say(reply, "-NAK")
        await self._bus.leave()


def _heed_cancellation() -> None:
    """Before Python 3.12, `wait_for` may swallow a cancellation, and nats-py waits in that way."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _read_place(message: Msg) -> tuple[str, Place]:
    room_id, epoch, rev = (message.headers or {})["Nats-Msg-Id"].split(":")
    return room_id, Place(int(epoch), int(rev))


def _to_arrival(message: Msg, room_id: str, place: Place) -> Arrival:
    name = message.subject.split(".", 3)[3]
    try:
        event = to_event(decode_frame(message.data))
    except msgspec.DecodeError as exc:
        log.warning("an event is not understood: %s", exc)
        event = Event(name, None, room_id, *place)
    seq = message.metadata.sequence.stream
    return Arrival(message.subject, message.data, event, place, seq, message.reply)
