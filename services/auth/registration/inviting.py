"""Invitations as registering uses them, where the policy wants one."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.mail.links import hash_token
from services.auth.registration.policy import RegistrationPolicy, not_invited
from services.auth.store import audit, invitations
from services.auth.store.audit import Deed
from shared.contracts.entities import Me


async def look_at_invitation(
    connection: AsyncConnection, policy: RegistrationPolicy, invitation: str | None
) -> None:
    """Turn away who has none before anything is told of user names."""
    if policy.needs_invitation and not await invitations.is_usable(connection, hash_token(invitation or "")):
        raise not_invited()


async def use_invitation(
    connection: AsyncConnection, policy: RegistrationPolicy, me: Me, address: str, invitation: str | None
) -> None:
    """Use it up for the new account. Raises ChatError `forbidden` if others were quicker."""
    if not policy.needs_invitation:
        return
    used = await invitations.use(connection, hash_token(invitation or ""))
    if used is None:
        raise not_invited()
    details = {"invitation_id": used}
    await audit.record(connection, Deed("invitation.used", me.id, me.id, address, details))
