"""By what somebody could sign in again: asked after one way was taken away, before that is committed."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.store import identities, passkeys
from services.auth.store.users import Account


async def are_left(connection: AsyncConnection, account: Account, issuers: Iterable[str]) -> bool:
    """Whether a locked account has a password, a passkey, or an identity at one of these issuers.

    An identity whose provider is not set up any more lets nobody in.
    """
    if account.password_hash is not None:
        return True
    if await passkeys.list_credentials(connection, account.me.id):
        return True
    return await identities.has_at(connection, account.me.id, issuers)
