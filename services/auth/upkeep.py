"""What every replica does from time to time: sweep what has expired, follow a rotation of the keys."""

import asyncio
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.keys import KeyRing, Sealer
from services.auth.mail.sender import GIVE_UP_AFTER
from services.auth.rotation import tend_keys
from services.auth.store import (
    api_tokens,
    challenges,
    endings,
    exports,
    factors,
    invitations,
    keys,
    limits,
    links,
    logins,
    mails,
    pending_logins,
)
from services.auth.store.database import try_to_hold

_SWEEP_EVERY_S = 60
# A new key is published `PUBLISHED_AHEAD` of signing; this must be well below that.
_TEND_KEYS_EVERY_S = 60
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
        await api_tokens.sweep(connection)
        await keys.sweep(connection)
        await factors.sweep(connection)
        await challenges.sweep(connection)
        await pending_logins.sweep(connection)
        await exports.sweep(connection)
        await endings.sweep(connection)


async def tend_keys_forever(engine: AsyncEngine, sealer: Sealer, ring: KeyRing, every: timedelta) -> None:
    """Rotate the keys when they are that old, and follow what other replicas, or the operator, rotate."""
    while True:
        await asyncio.sleep(_TEND_KEYS_EVERY_S)
        await tend_keys(engine, sealer, every)
        await ring.load()
