"""One handler per command of presence, and per call from the gateways; the NATS side.

`app` registers them. Knows neither scripts nor how announcements travel.
"""

from collections.abc import Callable

from msgspec import structs

from services.presence import domain
from services.presence.metrics import TRANSITIONS, TURNED_AWAY
from services.presence.store import Came, Store
from shared.bus import Caller
from shared.clock import Clock, from_wire
from shared.contracts.entities import Presence
from shared.contracts.internal import (
    HoldPresence,
    PresenceForgotten,
    PresenceHeld,
    PresenceKept,
    PresenceOf,
    PresenceRead,
    ReadPresence,
)
from shared.contracts.limits import PRESENCES_PER_REQUEST
from shared.contracts.presence import GetPresence, Presences, SetPresence
from shared.errors import invalid
from shared.ids import is_id


class Commands:
    """Use as handlers of a Dispatcher. `on_changed` is called when somebody may have to be announced."""

    def __init__(self, store: Store, clock: Clock, on_changed: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._on_changed = on_changed

    async def set_presence(self, caller: Caller, request: SetPresence) -> Presence:
        """`presence.set`: answers the choice, connected or not."""
        expires_at_ms = None if request.expires_at is None else self._future_ms(request.expires_at)
        person = await self._store.set_status(
            caller.user_id, request.status, request.text or "", expires_at_ms
        )
        self._on_changed()
        return domain.as_set(person)

    async def get(self, caller: Caller, request: GetPresence) -> Presences:
        """`presence.get`: of oneself the truth, of others what they show."""
        found = await self._store.read(request.user_ids)
        return Presences(
            [
                domain.seen_by_self(person, found.now_ms)
                if person.user_id == caller.user_id
                else domain.seen_by_others(person, found.now_ms)
                for person in found.people
            ]
        )

    async def hold(self, request: HoldPresence) -> PresenceHeld:
        """`svc.presence.hold`: a node's heartbeat. Idempotent; one call at a time per node."""
        if len(request.online) + len(request.offline) > domain.USERS_PER_HOLD_MAX:
            raise invalid("online", f"at most {domain.USERS_PER_HOLD_MAX} users in one call")
        _check_ids([request.node_id, request.incarnation, *request.online, *request.offline])
        if request.places and len(request.places) != len(request.online):
            raise invalid("places", "must be as many as online")
        places = request.places or [(1, 1)] * len(request.online)
        held = await self._store.hold(
            f"{request.node_id}:{request.incarnation}",
            [Came(user_id, *each) for user_id, each in zip(request.online, places, strict=True)],
            request.offline,
            begins=request.full,
            count=request.count,
        )
        TRANSITIONS.labels("online").inc(held.came_online)
        TRANSITIONS.labels("offline").inc(held.went_offline)
        if held.came_online or held.went_offline:
            self._on_changed()
        TURNED_AWAY.inc(len(held.places))
        return PresenceHeld(held.is_known, held.places)

    async def read(self, request: ReadPresence) -> PresenceRead:
        """`svc.presence.read`: what these people show to others."""
        if len(request.user_ids) > PRESENCES_PER_REQUEST:
            raise invalid("user_ids", f"at most {PRESENCES_PER_REQUEST} in one call")
        _check_ids(request.user_ids)
        found = await self._store.read(request.user_ids)
        presences = [domain.seen_by_others(person, found.now_ms) for person in found.people]
        # A gateway of the version before takes no null here; today's makes one of it.
        return PresenceRead(
            [structs.replace(each, text=each.text or "") for each in presences], found.is_settled
        )

    async def kept(self, request: PresenceOf) -> PresenceKept:
        """`svc.presence.kept`: what is kept of somebody, for the export of everything about them."""
        _check_ids([request.user_id])
        found = await self._store.read([request.user_id])
        return domain.as_kept(found.people[0], found.now_ms)

    async def forget(self, request: PresenceOf) -> PresenceForgotten:
        """`svc.presence.forget`: delete what is kept of somebody who has gone, and was seen to go."""
        _check_ids([request.user_id])
        return PresenceForgotten(await self._store.forget(request.user_id))

    def _future_ms(self, text: str) -> int:
        try:
            moment = from_wire(text)
        except (ValueError, OverflowError):
            raise invalid("expires_at", "is no moment of the calendar") from None
        if moment <= self._clock.now():
            raise invalid("expires_at", "must be in the future")
        return int(moment.timestamp() * 1000)


def _check_ids(ids: list[str]) -> None:
    if not all(is_id(each) for each in ids):
        raise invalid("", "every id must be a UUID in lower case")
