"""What the caller has accepted, and accepting what is due."""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth.registration.policy import RegistrationPolicy
from services.auth.store import consents, users
from shared.bus import Caller
from shared.contracts import consents as contract
from shared.contracts.entities import Empty
from shared.dispatch import Dispatcher
from shared.errors import conflict, not_found


class Consents:
    """The handlers and what they need."""

    def __init__(self, *, engine: AsyncEngine, policy: RegistrationPolicy) -> None:
        self._engine = engine
        self._policy = policy

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(contract.list_consents, self.list_consents)
        dispatcher.handle(contract.accept, self.accept)

    async def list_consents(self, caller: Caller, _asked: Empty) -> contract.Consents:
        async with self._engine.connect() as connection:
            return await self._describe(connection, caller.user_id)

    async def accept(self, caller: Caller, asked: contract.AcceptConsent) -> contract.Consents:
        """Note it with its time; `conflict` for a version that is not the one in force."""
        accepted = (asked.kind, asked.version)
        if accepted not in self._policy.list_required():
            raise conflict("this version is not in force")
        async with self._engine.begin() as connection:
            account = await users.lock_account(connection, caller.user_id)
            if account is None or account.me.deactivated:
                raise not_found("user")
            await consents.insert_consents(connection, caller.user_id, [accepted])
            return await self._describe(connection, caller.user_id)

    async def _describe(self, connection: AsyncConnection, user_id: str) -> contract.Consents:
        accepted = await consents.list_consents(connection, user_id)
        return contract.Consents(accepted, self._policy.list_due(accepted))
