"""Invitations to this deployment: admins make, list and end them."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth.fresh import require_fresh
from services.auth.mail.links import create_token, hash_token
from services.auth.store import audit, invitations, users
from services.auth.store.audit import Deed
from shared.bus import Caller
from shared.contracts import invitations as contract
from shared.contracts.entities import Empty
from shared.dispatch import Dispatcher
from shared.errors import forbidden, not_found
from shared.ids import new_id


class Invitations:
    """The handlers and what they need."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(contract.create, self.create)
        dispatcher.handle(contract.list_invitations, self.list_invitations)
        dispatcher.handle(contract.revoke, self.revoke)

    async def create(self, caller: Caller, asked: contract.CreateInvitation) -> contract.NewInvitation:
        """Make a token; only its hash is kept."""
        token, invitation_id = create_token(), new_id()
        async with self._engine.begin() as connection:
            await _require_admin(connection, caller)
            await require_fresh(connection, caller)
            invitation = await invitations.insert_invitation(
                connection,
                invitation_id=invitation_id,
                token_hash=hash_token(token),
                created_by=caller.user_id,
                max_uses=asked.max_uses,
                life=timedelta(seconds=asked.expires_in_s),
            )
            await _record(connection, "invitation.created", caller, invitation_id)
        return contract.NewInvitation(invitation, token)

    async def list_invitations(self, caller: Caller, _asked: Empty) -> contract.Invitations:
        async with self._engine.begin() as connection:
            await _require_admin(connection, caller)
            return contract.Invitations(await invitations.list_usable(connection))

    async def revoke(self, caller: Caller, asked: contract.RevokeInvitation) -> Empty:
        """End an invitation. Raises ChatError `not_found` for one that cannot be used anyhow."""
        async with self._engine.begin() as connection:
            await _require_admin(connection, caller)
            await require_fresh(connection, caller)
            if not await invitations.revoke(connection, asked.invitation_id):
                raise not_found("invitation")
            await _record(connection, "invitation.revoked", caller, asked.invitation_id)
        return Empty()


async def _require_admin(connection: AsyncConnection, caller: Caller) -> None:
    """Ask the store: a token may be older than the end of somebody's office."""
    account = await users.lock_account(connection, caller.user_id)
    if account is None or account.me.deactivated or account.me.role != "admin":
        raise forbidden("only administrators may do this")


async def _record(connection: AsyncConnection, action: str, caller: Caller, invitation_id: str) -> None:
    details = {"invitation_id": invitation_id}
    await audit.record(connection, Deed(action, caller.user_id, None, caller.address, details))
