"""The people who are connected to this node: their connections, and each one's own timeline.

A user's timeline (`chat.user.<id>.>`) is dense in `user_rev`, followed with a cursor and healed like
a room. Room content never depends on it: it only makes joining and read marks fast.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

from services.gateway.connection import Connection
from services.gateway.frames import UserEventHead, decode_user_event_head
from shared.background import Background
from shared.bus import Bus, Subscription, subjects
from shared.errors import ChatError
from shared.telemetry import get_logger

log = get_logger(__name__)

_OVERTAKING_S = 0.05
_RETRY_S = 1.0


class LocalUser:
    """A user with at least one connection here. `rev` is None until somebody of them has synced."""

    __slots__ = (
        "connections", "epoch", "is_busy", "is_suspect", "pending", "rev", "subscription", "syncing",
        "user_id",
    )  # fmt: skip

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.connections: tuple[Connection, ...] = ()
        self.subscription: Subscription | None = None
        self.rev: int | None = None
        self.epoch = 0
        """That `rev` is of."""
        self.pending: dict[int, tuple[UserEventHead, bytes]] = {}
        self.is_busy = False
        self.is_suspect = False
        self.syncing = 0
        """How many of the connections are between reading the memberships and being synced."""

    def send(self, payload: bytes) -> None:
        """Send to every synced connection of the user."""
        for connection in self.connections:
            if connection.is_synced:
                connection.tell(payload)


Apply = Callable[[LocalUser, UserEventHead, bytes], Awaitable[None]]
"""Acts on the next event of a user: forwards it, attaches to a new room."""

Heal = Callable[[LocalUser], Awaitable[None]]
"""Brings a user from `rev` to the store's present; raises ChatError."""


class Users:
    """Local users by id. `apply` and `heal` are set by the composition root."""

    def __init__(self, bus: Bus, background: Background) -> None:
        self.by_id: dict[str, LocalUser] = {}
        self.apply: Apply
        self.heal: Heal
        self._bus = bus
        self._background = background

    def add(self, connection: Connection) -> LocalUser:
        user = self.by_id.get(connection.user_id)
        if user is None:
            user = self.by_id[connection.user_id] = LocalUser(connection.user_id)
        user.connections = (*user.connections, connection)
        return user

    def remove(self, connection: Connection) -> LocalUser | None:
        """Take a connection out; returns the user if it was their last here."""
        user = self.by_id.get(connection.user_id)
        if user is None:
            return None
        user.connections = tuple(each for each in user.connections if each is not connection)
        if user.connections:
            return None
        del self.by_id[user.user_id]
        if user.subscription is not None:
            self._bus.leave(user.subscription)
            user.subscription = None
        return user

    def follow(self, user: LocalUser) -> None:
        """Subscribe to the user's timeline; before the memberships are read, so nothing falls between."""
        if user.subscription is None and user.connections:
            subject = subjects.user_events(user.user_id)
            user.subscription = self._bus.fan_in(subject, partial(self._on_event, user))

    def place(self, user: LocalUser, user_rev: int, epoch: int) -> None:
        """Start the cursor where the first snapshot was; a later snapshot leaves it alone."""
        if user.rev is None:
            user.rev, user.epoch = user_rev, epoch
            user.pending = {rev: held for rev, held in user.pending.items() if rev > user_rev}
            self._kick(user)

    @contextmanager
    def keep_back(self, user: LocalUser) -> Iterator[None]:
        """Keep the user's events until a connection that syncs can take them.

        What happens after its memberships were read is in no snapshot: it would miss a room for good.
        """
        user.syncing += 1
        try:
            yield
        finally:
            user.syncing -= 1
            if user.rev is not None:
                self._kick(user)

    def suspect(self, user: LocalUser) -> None:
        """Heal a user who is behind although no gap shows."""
        if user.rev is not None:
            user.is_suspect = True
            self._kick(user)

    def _on_event(self, user: LocalUser, _subject: bytes, payload: bytes) -> None:
        head = decode_user_event_head(payload)
        if not head.user_rev:
            user.send(payload)
            return
        if user.rev is not None and head.user_rev <= user.rev:
            return
        user.pending[head.user_rev] = (head, payload)
        if user.rev is not None:
            self._kick(user)

    def _kick(self, user: LocalUser) -> None:
        if not user.is_busy and not user.syncing and (user.pending or user.is_suspect):
            user.is_busy = True
            self._background.spawn("user_timeline", self._work(user))

    async def _work(self, user: LocalUser) -> None:
        try:
            while user.connections and not user.syncing and (user.pending or user.is_suspect):
                assert user.rev is not None, "kicked after it was placed"
                await self._advance(user, user.rev + 1)
        finally:
            user.is_busy = False

    async def _advance(self, user: LocalUser, next_rev: int) -> None:
        """Apply the next event, or heal if it is missing; what fails is healed a moment later."""
        held = user.pending.pop(next_rev, None)
        try:
            if held is not None:
                await self.apply(user, *held)
                user.rev = next_rev
            else:
                await self._heal_gap(user, next_rev)
        except ChatError as exc:
            log.warning("user_timeline_stalled", code=exc.code)
            user.is_suspect = True
            await asyncio.sleep(_RETRY_S)

    async def _heal_gap(self, user: LocalUser, next_rev: int) -> None:
        await asyncio.sleep(_OVERTAKING_S)
        if next_rev in user.pending:
            return
        user.is_suspect = False
        await self.heal(user)
        reached = user.rev or 0
        user.pending = {rev: held for rev, held in user.pending.items() if rev > reached}
        if reached < next_rev and user.pending:
            await asyncio.sleep(_RETRY_S)
