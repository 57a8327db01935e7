"""A gateway node: what its connections share, and what happens when one comes, lags, or goes."""

import asyncio
import resource
from collections.abc import Callable

import msgspec

from services.gateway.connection import Connection
from services.gateway.frames import ClientFrame, event_payload
from services.gateway.gather import Gather
from services.gateway.hub import Hub
from services.gateway.limits import Rates
from services.gateway.presence import Lease, Watches
from services.gateway.router import Router
from services.gateway.scoped_connection import ScopedConnection
from services.gateway.settings import GatewaySettings
from services.gateway.stats import Stats
from services.gateway.sweep import Sweep
from services.gateway.users import Users
from shared import calls
from shared.bus import Bus
from shared.clock import Clock, to_wire
from shared.contracts import internal
from shared.contracts.close_codes import CloseCode
from shared.contracts.entities import Me
from shared.contracts.events import Ready
from shared.contracts.internal import Revocation
from shared.contracts.limits import Limits
from shared.errors import ChatError
from shared.telemetry import get_logger
from shared.tokens import Claims

log = get_logger(__name__)

_LAST_ANSWER_S = 0.2
_PROFILES_KEPT = 20_000
# For listeners, NATS, the private port, REST, and newcomers who are told that the node is full.
_DESCRIPTORS_KEPT = 128


class GatewayNode:
    """The node as its connections and its doors see it."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        settings: GatewaySettings,
        limits: Limits,
        *,
        hub: Hub,
        users: Users,
        router: Router,
        rates: Rates,
        lease: Lease,
        watches: Watches,
        stats: Stats,
    ) -> None:
        self.id = bus.instance
        self.limits = limits
        self.sweep = Sweep(clock, limits, settings.gateway_unread_s)
        self.is_draining = False
        self.find_revocation: Callable[[Claims], Revocation | None]
        """Set by the composition root."""
        self._bus = bus
        self._clock = clock
        self._token_limits = msgspec.structs.replace(
            limits,
            commands_per_s=settings.gateway_token_commands_per_s,
            commands_burst=settings.gateway_token_commands_burst,
        )
        self._connections_max = _count_allowed(settings)
        self._hub = hub
        self._users = users
        self._router = router
        self._rates = rates
        self._lease = lease
        self._watches = watches
        self._stats = stats
        self._profiles: dict[str, Me] = {}
        self._profile_reader: Gather[str, Me] = Gather(self._read_profiles)

    @property
    def is_full(self) -> bool:
        """Whether newcomers are sent away: too many connections, or the node is leaving."""
        return self.is_draining or len(self.sweep.connections) >= self._connections_max

    def now_s(self) -> float:
        return self._clock.monotonic_s()

    async def get_me(self, claims: Claims) -> Me:
        """Return the profile that `ready` shows; while the auth service is away, what is known of it."""
        try:
            me = await self._profile_reader.get(claims.user_id)
        except ChatError as exc:
            log.warning("profile_not_read", code=exc.code)
            me = self._profiles.get(claims.user_id)
        return me or _to_me(claims)

    def create_connection(self, claims: Claims, address: str) -> Connection:
        """Return a connection that is not yet bound; one of an API token is held to what the token may."""
        if claims.grant is None:
            return Connection(self, claims, address, self._rates.people.new_bucket(self.now_s()))
        kind = Connection if claims.grant.room_ids is None else ScopedConnection
        return kind(self, claims, address, self._rates.tokens.find_bucket(claims.user_id, self.now_s()))

    def open(self, connection: Connection, me: Me) -> None:
        """Take a bound connection in and greet it; one too many of a user is closed.

        Too many here is known at once; too many over all nodes a moment later (`on_fewer_places`).
        """
        user = self._users.add(connection)
        self.sweep.add(connection)
        if len(user.connections) > self.limits.connections_per_user:
            self._turn_away(connection)
            return
        self._count(connection.user_id)
        claims = connection.claims
        row = self.find_revocation(claims)
        if row is not None:  # since the token was looked at: there was no connection to close yet
            connection.close(_find_close_code(claims, row) or CloseCode.LOGIN_ENDED, "this login has ended")
            return
        limits = self.limits if claims.grant is None else self._token_limits
        ready = Ready(me, claims.login_id, self.id, to_wire(self._clock.now()), limits)
        connection.send(event_payload("ready", ready))

    def on_frame(self, connection: Connection, frame: ClientFrame | int) -> None:
        self._router.on_frame(connection, frame)

    def on_slow(self, connection: Connection) -> None:
        """Stop its room events; only its positions are kept."""
        self._stats.lags += 1
        self.sweep.watch(connection)
        for room in connection.rooms:
            room.lag(connection)

    def on_drained(self, connection: Connection) -> None:
        """Catch it up, from the ring or from the store."""
        self._watches.on_drained(connection)
        for room in connection.rooms:
            if not room.resume(connection):
                self._hub.heal_soon(room)

    def on_closed(self, connection: Connection) -> None:
        """Let go of everything that is held for it."""
        self.sweep.remove(connection)
        for room in connection.rooms:
            self._hub.detach(room, connection)
        connection.rooms = ()
        self._watches.forget(connection)
        self._users.remove(connection)
        self._count(connection.user_id)

    def on_fewer_places(self, user_id: str, places: int, wanted: int) -> None:
        """Close the newest of the connections for which there is no place among all nodes."""
        user = self._users.by_id.get(user_id)
        for connection in user.connections[places:wanted] if user else ():
            self._turn_away(connection)

    def on_revoked(self, row: Revocation) -> None:
        """Close what a revocation ends, at once."""
        loop = asyncio.get_running_loop()
        if row.deactivated:
            self._profiles.pop(row.id, None)  # their account may be erased
        for connection in list(self.sweep.connections):
            code = _find_close_code(connection.claims, row)
            if code is not None:
                # Whoever ended its own login still gets the answer to that command.
                delay_s = _LAST_ANSWER_S if connection.in_flight else 0.0
                loop.call_later(delay_s, connection.close, code, "this login has ended")

    def _turn_away(self, connection: Connection) -> None:
        # Out of the user's connections at once: until the peer has closed, it must not cost another a place.
        self._users.remove(connection)
        self._count(connection.user_id)
        connection.close(CloseCode.TOO_MANY_CONNECTIONS, "too many connections of this user")

    def _count(self, user_id: str) -> None:
        user = self._users.by_id.get(user_id)
        self._lease.set(user_id, len(user.connections) if user else 0)

    async def _read_profiles(self, user_ids: list[str]) -> dict[str, Me]:
        asked = internal.UserIds(user_ids)
        answer = await calls.call(self._bus, internal.PROFILES, asked, internal.Profiles, timeout_s=2)
        found = {me.id: me for me in answer.users}
        if len(self._profiles) > _PROFILES_KEPT:
            self._profiles.clear()
        self._profiles.update(found)
        return found


def _count_allowed(settings: GatewaySettings) -> int:
    """Return how many connections the process has descriptors for; one refused with 503 needs one, too."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = min(settings.gateway_connections_max, descriptors - _DESCRIPTORS_KEPT)
    if allowed < settings.gateway_connections_max:
        log.warning("too_few_descriptors", descriptors=descriptors, connections_max=allowed)
    return allowed


def _find_close_code(claims: Claims, row: Revocation) -> CloseCode | None:
    if row.kind == "login":
        return CloseCode.LOGIN_ENDED if claims.login_id == row.id else None
    if claims.user_id != row.id or claims.issued_at > row.issued_before:
        return None
    if row.kind == "role":
        return CloseCode.TOKEN_EXPIRED
    return CloseCode.DEACTIVATED if row.deactivated else CloseCode.LOGIN_ENDED


def _to_me(claims: Claims) -> Me:
    return Me(
        id=claims.user_id, username=claims.username, display_name=claims.display_name, role=claims.role,
        bio="", avatar_file_id=None, created_at=None, deactivated=False,
        email=None, email_verified=False, locale=None, timezone=None,
    )  # fmt: skip
