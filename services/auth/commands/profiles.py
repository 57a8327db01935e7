"""Profiles: one's own, others' by id, and people search."""

import zoneinfo
from functools import cache

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import domain
from services.auth.store import users
from shared.bus import Caller
from shared.contracts import users as contract
from shared.contracts.entities import Empty, Me
from shared.dispatch import Dispatcher
from shared.errors import invalid, not_found


class Profiles:
    """The handlers and what they need."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(contract.me, self.me)
        dispatcher.handle(contract.update_me, self.update_me)
        dispatcher.handle(contract.get, self.get)
        dispatcher.handle(contract.search, self.search)

    async def me(self, caller: Caller, _asked: Empty) -> Me:
        async with self._engine.connect() as connection:
            return _found(await users.find_me(connection, caller.user_id))

    async def update_me(self, caller: Caller, asked: contract.UpdateMe) -> Me:
        changes = {
            name: value for name, value in msgspec.structs.asdict(asked).items() if value is not msgspec.UNSET
        }
        timezone = changes.get("timezone")
        if timezone is not None and timezone not in _load_timezones():
            raise invalid("timezone", "is not a known IANA time zone")
        async with self._engine.begin() as connection:
            return _found(await users.update_profile(connection, caller.user_id, changes))

    async def get(self, _caller: Caller, asked: contract.GetUsers) -> contract.Users:
        async with self._engine.connect() as connection:
            found = await users.list_profiles(connection, asked.ids)
        return contract.Users([domain.to_public(me) for me in found])

    async def search(self, _caller: Caller, asked: contract.SearchUsers) -> contract.Users:
        try:
            after = domain.NamePosition.decode(asked.cursor) if asked.cursor else None
        except ValueError:
            raise invalid("cursor", "is not a cursor that this server gave") from None
        async with self._engine.connect() as connection:
            # One more than asked tells whether there is a next page.
            found = await users.search(connection, asked.q, after, asked.limit + 1)
        page = found[: asked.limit]
        next_cursor = page[-1][0].encode() if len(found) > asked.limit else None
        return contract.Users([domain.to_public(me) for _, me in page], next_cursor)


def _found(me: Me | None) -> Me:
    if me is None:
        raise not_found("user")
    return me


@cache
def _load_timezones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
