"""The frame of every change of factors: a fresh proof before, notice, log and the other logins' end after."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import hints
from services.auth.fresh import require_fresh
from services.auth.mail.postbox import Postbox
from services.auth.store import audit, endings, logins, pending_logins, users
from services.auth.store.audit import Deed
from services.auth.store.users import Account
from shared.bus import Bus, Caller
from shared.errors import not_found


class Change:
    """One change under way; nobody signs in to `account` meanwhile."""

    def __init__(self, connection: AsyncConnection, account: Account) -> None:
        self.connection = connection
        self.account = account
        self.action = ""
        self.details: dict[str, Any] = {}

    def note(self, action: str, **details: Any) -> None:
        """Say what was done, for the audit log."""
        self.action, self.details = action, details


@asynccontextmanager
async def changing_factors(
    engine: AsyncEngine, bus: Bus, postbox: Postbox, caller: Caller
) -> AsyncIterator[Change]:
    """Change factors in one transaction; with it end all logins of the caller but this one, and tell them.

    Raises ChatError `forbidden` unless the login was lately proved.
    """
    async with engine.begin() as connection:
        account = await users.lock_account(connection, caller.user_id, exclusively=True)
        if account is None:
            raise not_found("user")
        # All at once and in one order, before the end of the audit log is held.
        login_ids = await logins.lock_logins(connection, caller.user_id, but=caller.login_id)
        await require_fresh(connection, caller)
        change = Change(connection, account)
        yield change
        await pending_logins.forget_of_user(connection, caller.user_id)
        await postbox.notify(
            connection, account.me, lambda to, name: postbox.texts.factors_changed(to, name, change.action)
        )
        deed = Deed(
            change.action,
            actor_id=caller.user_id,
            subject_id=caller.user_id,
            address=caller.address,
            details=change.details,
        )
        await audit.record(connection, deed)
        revocations = await endings.end_logins(connection, login_ids)
    for revocation in revocations:
        await hints.announce(bus, revocation)
