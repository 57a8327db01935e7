"""A new epoch: whoever synced before it is sent away as by a drain, comes back, and reloads.

Rooms alone could be reset one by one; but after a restore the lists of rooms, and the users' own timelines,
are of another history, too.
"""

import asyncio
import random

from services.gateway.drain import RETRY_MAX_MS
from services.gateway.frames import event_payload
from services.gateway.users import LocalUser, Users
from shared.background import Background
from shared.contracts.close_codes import CloseCode
from shared.contracts.events import Draining
from shared.telemetry import get_logger

log = get_logger(__name__)

# The node's rooms are reset meanwhile: who comes back at once would only be told to reload again.
_ROOMS_FIRST_S = 0.5
_USERS_AT_ONCE = 200
_PAUSE_S = 0.05


class Renewal:
    """One per node."""

    def __init__(self, users: Users, background: Background) -> None:
        self._users = users
        self._background = background
        self._is_under_way = False

    def renew(self, stale: list[LocalUser]) -> None:
        """Close all connections of these users, in random order, a few at a time."""
        if not self._is_under_way:
            self._is_under_way = True
            self._background.spawn("renewal", self._renew(stale))

    async def _renew(self, stale: list[LocalUser]) -> None:
        log.warning("epoch_is_newer", users=len(stale))
        try:
            await asyncio.sleep(_ROOMS_FIRST_S)
            random.shuffle(stale)
            for start in range(0, len(stale), _USERS_AT_ONCE):
                for user in stale[start : start + _USERS_AT_ONCE]:
                    self._send_away(user)
                await asyncio.sleep(_PAUSE_S)
        finally:
            self._is_under_way = False

    def _send_away(self, user: LocalUser) -> None:
        payload = event_payload("draining", Draining(RETRY_MAX_MS))
        for connection in user.connections:
            # Out of the user's connections at once: who comes back must not meet the old timeline.
            self._users.remove(connection)
            connection.send(payload)
            connection.close(CloseCode.DRAINING, "the store has a new epoch")
