"""Makes the account of somebody who was proved elsewhere, and so has no password here."""

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.administration import By
from services.auth.store import accounts, emails, identities, users
from services.auth.store.database import read_clock
from services.auth.store.identities import NewIdentity
from shared.contracts.entities import Me
from shared.errors import conflict, taken
from shared.ids import new_id


class Newcomer(Struct, frozen=True):
    """Who comes, as the account is to be."""

    username: str
    """Folded."""
    display_name: str
    verified_email: str | None
    is_admin: bool


async def insert_newcomer(
    connection: AsyncConnection, newcomer: Newcomer, identity: NewIdentity, by: By
) -> Me:
    """Raises ChatError `conflict` if name, identity or address is somebody's already: then roll back."""
    user_id, now = new_id(), await read_clock(connection)
    inserted = await users.insert_user(
        connection,
        user_id=user_id,
        username=newcomer.username,
        display_name=newcomer.display_name,
        email=None,
        password_hash=None,
        now=now,
    )
    if inserted is None:
        raise taken("username")
    if await identities.insert_identity(connection, user_id, identity, identity_id=new_id(), now=now) is None:
        raise conflict("this account elsewhere belongs to somebody here already; sign in with it")
    email = newcomer.verified_email
    if email is not None and not await emails.set_verified(connection, user_id, email):
        raise conflict("this e-mail address belongs to another account; begin anew to link it")
    if newcomer.is_admin:
        await accounts.make_admin(connection, user_id)
        await by.record(connection, "user.role_changed", user_id, role="admin")
    me = await users.find_me(connection, user_id)
    assert me is not None  # it was inserted here
    return me
