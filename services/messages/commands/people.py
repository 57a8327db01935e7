"""Asks the auth service whether the people that a command names exist."""

from collections.abc import Collection

from shared.bus import Bus
from shared.calls import call
from shared.contracts.internal import KNOWN_USERS, KnownUsers, UserIds
from shared.errors import not_found


class People:
    """Who exists. Users are the auth service's: there is no table of them here."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def check(self, user_ids: Collection[str]) -> None:
        """Raise `not_found` unless all of them exist and are active; `unavailable` if nobody can say."""
        if not user_ids:
            return
        known = await call(self._bus, KNOWN_USERS, UserIds(sorted(user_ids)), KnownUsers)
        if set(user_ids).difference(known.user_ids):
            raise not_found("user")
