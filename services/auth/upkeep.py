"""What every replica does from time to time: sweep what has expired, follow a rotation of the keys."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.keys import KeyRing
from services.auth.mail.sender import GIVE_UP_AFTER
from services.auth.store import endings, invitations, keys, limits, links, logins, mails
from services.auth.store.database import try_to_hold

_SWEEP_EVERY_S = 60
# A new key is published long before it signs; this must be well below that.
_RELOAD_EVERY_S = 60
_SWEEP_LOCK = 0x73776570  # "swep": one replica at a time


async def sweep_forever(engine: AsyncEngine) -> None:
    while True:
        await asyncio.sleep(_SWEEP_EVERY_S)
        await sweep(engine)


async def sweep(engine: AsyncEngine) -> None:
    """Delete what has expired, unless another replica is at it."""
    async with engine.begin() as connection:
        if not await try_to_hold(connection, _SWEEP_LOCK):
            return
        await limits.sweep(connection)
        await mails.sweep(connection, 2 * GIVE_UP_AFTER)
        await invitations.sweep(connection)
        await links.sweep(connection)  # before logins, as who uses a link locks them
        await logins.sweep(connection)
        await keys.sweep(connection)
        await endings.sweep(connection)


async def reload_forever(ring: KeyRing) -> None:
    while True:
        await asyncio.sleep(_RELOAD_EVERY_S)
        await ring.load()
