"""Where the caller is signed in: list, end one, end this one, end the others."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import hints
from services.auth.store import audit, endings, logins, users
from services.auth.store.audit import Deed
from shared.bus import Bus, Caller
from shared.contracts import auth
from shared.contracts.entities import Empty
from shared.dispatch import Dispatcher
from shared.errors import not_found


class Logins:
    """The handlers and what they need."""

    def __init__(self, *, engine: AsyncEngine, bus: Bus) -> None:
        self._engine = engine
        self._bus = bus

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(auth.logout, self.logout)
        dispatcher.handle(auth.list_logins, self.list_logins)
        dispatcher.handle(auth.revoke_login, self.revoke_login)
        dispatcher.handle(auth.revoke_other_logins, self.revoke_other_logins)

    async def logout(self, caller: Caller, _asked: Empty) -> Empty:
        """End the login of the call; one that has ended already is just as well."""
        await self._end(caller, caller.login_id)
        return Empty()

    async def list_logins(self, caller: Caller, _asked: Empty) -> auth.LoginSessions:
        async with self._engine.connect() as connection:
            return auth.LoginSessions(
                await logins.list_live_logins(connection, caller.user_id, caller.login_id)
            )

    async def revoke_login(self, caller: Caller, asked: auth.RevokeLogin) -> Empty:
        """End one of the caller's logins. Raises ChatError `not_found` for any other id."""
        if not await self._end(caller, asked.login_id, "login.revoked"):
            raise not_found("login")
        return Empty()

    async def revoke_other_logins(self, caller: Caller, _asked: Empty) -> auth.LoginsEnded:
        """End all logins of the caller but that of the call: what somebody does who has lost a device."""
        async with self._engine.begin() as connection:
            await users.hold_user(connection, caller.user_id)
            login_ids = await logins.lock_logins(connection, caller.user_id, but=caller.login_id)
            if login_ids:
                deed = _by(caller, "login.others_revoked", count=len(login_ids))
                await audit.record(connection, deed)
            revocations = await endings.end_logins(connection, login_ids)
        for revocation in revocations:
            await hints.announce(self._bus, revocation)
        return auth.LoginsEnded(len(revocations))

    async def _end(self, caller: Caller, login_id: str, action: str | None = None) -> bool:
        async with self._engine.begin() as connection:
            if not await logins.lock_live_login(connection, login_id, caller.user_id):
                return False
            if action:
                await audit.record(connection, _by(caller, action, login_id=login_id))
            revocation = await endings.end_login(connection, login_id)
        await hints.announce(self._bus, revocation)
        return True


def _by(caller: Caller, action: str, **details: Any) -> Deed:
    return Deed(action, caller.user_id, caller.user_id, caller.address, details)
