"""What administrators and the operator do to accounts: each deed with its entry in the audit log.

Called by the commands and by `services.auth.admin`, in a transaction that holds the user: `lock_standings`.
"""

from datetime import timedelta
from typing import Any

from msgspec import Struct, field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.store import accounts, audit, endings, erasures, logins
from services.auth.store.accounts import Standing
from services.auth.store.audit import Deed
from services.auth.store.database import read_clock
from shared.contracts.entities import UserRole
from shared.contracts.internal import Revocation
from shared.errors import conflict

# Long enough for a weekend; a password that two people know is not one to keep (ASVS 5.0, 6.4.1).
PASSWORD_GIVEN_FOR = timedelta(days=3)


class By(Struct, frozen=True):
    """Who does it. Without an id: the operator at the command line."""

    user_id: str | None = None
    address: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    async def record(
        self, connection: AsyncConnection, action: str, subject_id: str | None = None, **details: Any
    ) -> None:
        deed = Deed(action, self.user_id, subject_id, self.address, self.details | details)
        await audit.record(connection, deed)


async def set_role(connection: AsyncConnection, by: By, user_id: str, role: UserRole) -> Revocation | None:
    """Give a role that the user does not have; tokens with the other one are void."""
    await by.record(connection, "user.role_changed", user_id, role=role)
    return await endings.change_role(connection, user_id, role)


async def deactivate(connection: AsyncConnection, by: By, user_id: str) -> Revocation | None:
    """Lock an active user out and end their logins."""
    await logins.lock_logins(connection, user_id)
    await by.record(connection, "user.deactivated", user_id)
    return await endings.deactivate(connection, user_id)


async def reactivate(connection: AsyncConnection, by: By, user_id: str) -> None:
    """Let a deactivated user in again. Raises ChatError `conflict` for one whose account is erased."""
    await refuse_erased(connection, user_id)
    await by.record(connection, "user.reactivated", user_id)
    await accounts.reactivate(connection, user_id)


async def end_logins(connection: AsyncConnection, by: By, user_id: str) -> tuple[int, Revocation | None]:
    """End all logins of a user; return how many there were, and None instead of a row if there were none."""
    count = len(await logins.lock_logins(connection, user_id))
    if not count:
        return 0, None
    await by.record(connection, "login.all_ended", user_id, count=count)
    return count, await endings.end_all_logins(connection, user_id)


async def reset_factors(
    connection: AsyncConnection, by: By, user_id: str, password_hash: str
) -> Revocation | None:
    """Take away all that a user signs in with, and end their logins; the new password expires soon.

    Raises ChatError `conflict` for one whose account is erased.
    """
    await refuse_erased(connection, user_id)
    await logins.lock_logins(connection, user_id)
    removed = await accounts.remove_factors(connection, user_id)
    expires_at = await read_clock(connection) + PASSWORD_GIVEN_FOR
    await by.record(connection, "user.factors_reset", user_id, removed=removed)
    return await endings.change_password(connection, user_id, password_hash, expires_at)


def refuse_the_last(standings: dict[str, Standing], user_id: str) -> None:
    """Raise ChatError `conflict` if that is the only active administrator."""
    admins = {each for each, standing in standings.items() if standing.is_admin}
    if admins == {user_id}:
        raise conflict("the last administrator stays one; make somebody else one first")


async def refuse_erased(connection: AsyncConnection, user_id: str) -> None:
    """Raise ChatError `conflict` for one whose account is erased, or being erased."""
    if await erasures.is_begun(connection, user_id):
        raise conflict("this account is erased, for good")
