"""An erasure begins: asked for by its owner, an administrator, the operator, or once more after a restore.

Called in a transaction: the account is locked out and the rest is left to be done, both or neither.
"""

import secrets

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import administration
from services.auth.administration import By
from services.auth.store import accounts, bots, endings, erasures, logins
from services.auth.store.accounts import Standing
from services.auth.store.erasures import Requested
from shared.contracts.internal import Revocation
from shared.contracts.limits import RECEIPT_LENGTH
from shared.errors import conflict, not_found

_RECEIPT_BYTES = RECEIPT_LENGTH // 4 * 3


class Held(Struct, frozen=True):
    """Who is to be erased, as they stand until commit."""

    user_id: str
    bot_ids: list[str]
    standings: dict[str, Standing]
    """Of them, of all active administrators, and of who else was asked for; nobody else is in it."""


def create_receipt() -> str:
    """Return a secret, 384 random bits."""
    return secrets.token_urlsafe(_RECEIPT_BYTES)


async def hold(connection: AsyncConnection, user_id: str, *others: str) -> Held:
    """Hold a user and all their bots until commit. Raises ChatError `conflict` if a bot was just made."""
    bot_ids = await bots.list_owned(connection, user_id)
    standings = await accounts.lock_standings(connection, [user_id, *bot_ids, *others])
    # None can have been made since they were listed: who makes one holds the owner.
    if set(bot_ids) != set(await bots.list_owned(connection, user_id)):
        raise conflict("a bot was made meanwhile; try again")
    return Held(user_id, bot_ids, standings)


async def refuse_for_others(connection: AsyncConnection, held: Held) -> None:
    """Raise ChatError where nobody may erase somebody else: `not_found`, `conflict`."""
    if held.user_id not in held.standings:
        raise not_found("user")
    await administration.refuse_erased(connection, held.user_id)
    if held.standings[held.user_id].role == "bot":
        raise conflict("a bot is erased with its owner; deactivate it instead")
    administration.refuse_the_last(held.standings, held.user_id)


async def begin(connection: AsyncConnection, by: By, held: Held, requested: Requested) -> list[Revocation]:
    """Lock them out, and leave the rest to be done. Return what to tell the nodes after the commit."""
    subject_ids = [*held.bot_ids, held.user_id]
    for user_id in subject_ids:
        await logins.lock_logins(connection, user_id)
    await erasures.insert_erasure(
        connection,
        erasure_id=requested.id,
        user_id=held.user_id,
        bot_ids=held.bot_ids,
        receipt_hash=requested.receipt_hash,
        messages=requested.messages,
    )
    await by.record(connection, "erasure.requested", held.user_id, messages=requested.messages)
    ended = [await endings.deactivate(connection, user_id) for user_id in subject_ids]
    return [each for each in ended if each is not None]
