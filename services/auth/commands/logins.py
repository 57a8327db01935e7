"""Where the caller is signed in: list, end one, end this one."""

from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import hints
from services.auth.store import endings, logins
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

    async def logout(self, caller: Caller, _asked: Empty) -> Empty:
        """End the login of the call; one that has ended already is just as well."""
        await self._end(caller.login_id, caller.user_id)
        return Empty()

    async def list_logins(self, caller: Caller, _asked: Empty) -> auth.LoginSessions:
        async with self._engine.connect() as connection:
            return auth.LoginSessions(
                await logins.list_live_logins(connection, caller.user_id, caller.login_id)
            )

    async def revoke_login(self, caller: Caller, asked: auth.RevokeLogin) -> Empty:
        """End one of the caller's logins. Raises ChatError `not_found` for any other id."""
        if not await self._end(asked.login_id, caller.user_id):
            raise not_found("login")
        return Empty()

    async def _end(self, login_id: str, user_id: str) -> bool:
        async with self._engine.begin() as connection:
            if not await logins.lock_live_login(connection, login_id, user_id):
                return False
            revocation = await endings.end_login(connection, login_id)
        await hints.announce(self._bus, revocation)
        return True
