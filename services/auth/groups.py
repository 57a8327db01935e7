"""The role of who signs in elsewhere, where the groups that they are in decide over it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import administration
from services.auth.administration import By
from services.auth.store import accounts, users
from shared.contracts.entities import UserRole
from shared.contracts.internal import Revocation
from shared.telemetry import get_logger

log = get_logger(__name__)


async def follow(
    connection: AsyncConnection, user_id: str, role: UserRole | None, by: By
) -> Revocation | None:
    """Give the user the role, None: leave it. The last active administrator stays one."""
    me = await users.find_me(connection, user_id)
    if role is None or me is None or me.role == role:  # the usual case, without a lock
        return None
    standings = await accounts.lock_standings(connection, [user_id])
    standing = standings.get(user_id)
    if standing is None or not standing.is_active or standing.role in (role, "bot"):
        return None
    if role != "admin" and {each for each in standings if standings[each].is_admin} == {user_id}:
        log.warning("last_admin_kept", user_id=user_id, provider=by.details.get("provider_id"))
        return None
    return await administration.set_role(connection, by, user_id, role)
