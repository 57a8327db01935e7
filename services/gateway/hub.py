"""The hub: which rooms are active on this node, who hears them, and their healing from the store.

The connection's side attaches and places; the bus's side delivers through `ActiveRoom`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from services.gateway.frames import room_event_payload
from services.gateway.ring import RingBudget
from services.gateway.room import ActiveRoom
from services.gateway.stats import Stats
from services.gateway.subscriber import Subscriber
from shared.background import Background
from shared.bus import Bus, subjects
from shared.contracts import internal
from shared.contracts.events import RoomChanges
from shared.errors import ChatError
from shared.telemetry import get_logger

log = get_logger(__name__)

# Events overtake each other by milliseconds when several services publish; a gap that lasts is one.
_OVERTAKING_S = 0.05
_RETRY_S = 0.5
_RETRY_MAX_S = 10.0
_HELD_MAX = 10_000
# Who leaves a room often comes back (a reload, a phone changing networks): keep the subscription.
_LINGER_S = 10.0

OnLeft = Callable[[ActiveRoom, str], None]
Fetch = Callable[[internal.RoomAfter], Awaitable[internal.RoomChanged]]
OnReset = Callable[[ActiveRoom, list[Subscriber]], None]


class Hub:
    """Active rooms by id. `on_left` and `on_reset` are set by the composition root."""

    def __init__(
        self,
        bus: Bus,
        background: Background,
        stats: Stats,
        fetch: Fetch,
        *,
        crowd_size: int,
        linger_s: float = _LINGER_S,
    ) -> None:
        """`fetch` asks the store for all that changed in a room after a position.

        From `crowd_size` attached connections on, a room is a crowd.
        """
        self.rooms_by_id: dict[str, ActiveRoom] = {}
        self.on_left: OnLeft
        self.on_reset: OnReset
        self.on_first_attach: Callable[[ActiveRoom], None] = lambda _room: None
        self._bus = bus
        self._background = background
        self._fetch = fetch
        self._crowd_size = crowd_size
        self._linger_s = linger_s
        self._stats = stats
        self._budget = RingBudget()
        self._held: list[tuple[ActiveRoom, bytes]] | None = None

    def hold(self) -> None:
        """Keep events back until `release`; beyond a bound they are dropped, and healed later."""
        if self._held is None:
            self._held = []

    def release(self) -> None:
        """Deliver what was kept back, in the order it came."""
        held, self._held = self._held or [], None
        for room, payload in held:
            room.on_event(b"", payload)

    def expect(self, room_id: str, subscriber: Subscriber) -> ActiveRoom:
        """Attach to a room, subscribing the node if it is the first here; place it later."""
        room = self.rooms_by_id.get(room_id)
        if room is None:
            room = self.rooms_by_id[room_id] = self._open(room_id)
            self.on_first_attach(room)
        room.expect(subscriber)
        return room

    def detach(self, room: ActiveRoom, subscriber: Subscriber) -> None:
        """Let somebody go; the last one out closes the room after the linger."""
        room.detach(subscriber)
        if not room.size:
            asyncio.get_running_loop().call_later(self._linger_s, self._close_if_empty, room)

    def suspect(self, room: ActiveRoom) -> None:
        """Ask the store about a room although no gap shows."""
        if room.cursor is not None:
            room.is_suspect = True
            self.heal_soon(room)

    def heal_soon(self, room: ActiveRoom) -> None:
        """Ask the store for what is missing, once, unless it arrives by itself within a moment."""
        if not room.is_healing:
            room.is_healing = True
            self._background.spawn("heal", self._heal(room, _OVERTAKING_S))

    async def remember(self, room: ActiveRoom, epoch: int, after_rev: int) -> None:
        """Ask the store once for a past that the ring lacks. Raises ChatError."""
        changed = await self._fetch(internal.RoomAfter(room.room_id, epoch, after_rev))
        if not changed.reset and room.subscriptions:
            position = changed.position
            room.remember(changed.after_rev, position.epoch, position.rev, to_payload(changed))

    def close(self) -> None:
        """Leave all rooms."""
        for room in list(self.rooms_by_id.values()):
            self._leave(room)

    def _open(self, room_id: str) -> ActiveRoom:
        loop = asyncio.get_running_loop()
        room = ActiveRoom(
            room_id,
            self._budget,
            self._stats,
            crowd_size=self._crowd_size,
            schedule=loop.call_soon,
            schedule_in=loop.call_later,
            on_gap=self.heal_soon,
            on_left=self.on_left,
            on_stale=self.on_reset,
        )
        room.subscriptions = (
            self._bus.fan_in(subjects.room_events(room_id), partial(self._on_event, room)),
            self._bus.fan_in(subjects.room_signals(room_id), room.on_signal),
        )
        return room

    def _on_event(self, room: ActiveRoom, subject: bytes, payload: bytes) -> None:
        if self._held is None:
            room.on_event(subject, payload)
        elif len(self._held) < _HELD_MAX:
            self._held.append((room, payload))

    def _close_if_empty(self, room: ActiveRoom) -> None:
        if not room.size and self.rooms_by_id.get(room.room_id) is room:
            self._leave(room)

    def _leave(self, room: ActiveRoom) -> None:
        del self.rooms_by_id[room.room_id]
        room.ring.clear()
        for subscription in room.subscriptions:
            self._bus.leave(subscription)
        room.subscriptions = ()

    async def _heal(self, room: ActiveRoom, wait_s: float) -> None:
        try:
            while room.subscriptions and _needs_store(room):
                await asyncio.sleep(wait_s)
                if _needs_store(room) and not await self._heal_once(room):
                    wait_s = min(max(wait_s * 2, _RETRY_S), _RETRY_MAX_S)
        finally:
            room.is_healing = False

    async def _heal_once(self, room: ActiveRoom) -> bool:
        """Bring the node, or else those behind, to the store's position; False if nothing came of it."""
        assert room.cursor is not None, "only placed rooms have gaps"
        is_node_behind = bool(room.is_suspect or room.pending or room.ahead)
        slowest = _find_slowest(room)
        after_rev = room.cursor.rev if is_node_behind or slowest is None else slowest
        room.is_suspect = False
        try:
            changed = await self._fetch(internal.RoomAfter(room.room_id, room.cursor.epoch, after_rev))
        except ChatError as exc:
            log.warning("heal_failed", room_id=room.room_id, code=exc.code)
            room.is_suspect = is_node_behind
            return False
        position = changed.position
        if changed.reset:
            is_same_history = not is_node_behind and position.epoch == room.cursor.epoch
            stale = room.give_up(after_rev) if is_same_history else room.reset(position.epoch, position.rev)
            self._stats.resets += len(stale)
            self.on_reset(room, stale)
            return True
        self._stats.heals += 1
        payload = to_payload(changed)
        if is_node_behind:
            return self._deliver_to_node(room, changed, payload)
        return self._deliver_to_slow(room, changed, payload)

    @staticmethod
    def _deliver_to_node(room: ActiveRoom, changed: internal.RoomChanged, payload: bytes) -> bool:
        left = [(member.user_id, member.rev) for member in changed.members if member.left_at is not None]
        rev = changed.position.rev
        is_news = room.cursor is not None and rev > room.cursor.rev
        room.pending = {at: held for at, held in room.pending.items() if at > rev}
        room.heal(changed.position.epoch, rev, payload, left)
        return is_news

    def _deliver_to_slow(self, room: ActiveRoom, changed: internal.RoomChanged, payload: bytes) -> bool:
        gone = {member.user_id for member in changed.members if member.left_at is not None}
        for subscriber, rev in list(room.behind.items()):
            if subscriber.user_id not in gone and rev >= changed.after_rev and subscriber.can_take:
                room.catch_up(subscriber, changed.position.epoch, changed.position.rev, payload)
        for user_id in gone:
            self.on_left(room, user_id)
        return True


def _needs_store(room: ActiveRoom) -> bool:
    return bool(room.is_suspect or room.pending or room.ahead or _find_slowest(room) is not None)


def _find_slowest(room: ActiveRoom) -> int | None:
    """Return the lowest position of those behind who can take more, or None."""
    return min((rev for each, rev in room.behind.items() if each.can_take), default=None)


def to_payload(changed: internal.RoomChanged) -> bytes:
    """Return the `room.changes` frame that tells what the store answered."""
    changes = RoomChanges(changed.after_rev, changed.messages, changed.members, changed.room)
    position = changed.position
    return room_event_payload("room.changes", changed.room.id, position.epoch, position.rev, changes)
