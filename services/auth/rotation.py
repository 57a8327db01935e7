"""How signing keys follow each other, and how they are sealed anew: by schedule, or by the operator.

A key is published before it signs, and verifies until the last token it signed has expired.
"""

from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth.keys import KEYS_LOCK, Sealer, insert_new
from services.auth.store import audit
from services.auth.store import keys as stored
from services.auth.store.audit import Deed
from services.auth.store.database import hold, read_clock, try_to_hold
from services.auth.store.keys import RetiredKey, SealedKey
from shared.tokens import ACCESS_TOKEN_S

# Replicas look for new keys every minute, and whoever verifies fetches a key when it first meets it.
PUBLISHED_AHEAD = timedelta(minutes=5)
# A token's 15 min, and a minute for a replica that hung while the keys changed.
VERIFIES_AFTERWARDS = timedelta(seconds=ACCESS_TOKEN_S, minutes=1)


class Rotation(Struct, frozen=True):
    """What came of asking for a new key."""

    key_id: str
    signs_from: datetime
    is_new: bool
    """False if a key that does not sign yet was there already."""


async def rotate(connection: AsyncConnection, sealer: Sealer, by: str) -> Rotation:
    """Publish a key that signs in 5 minutes, unless one is on its way; let those before it run out.

    Raises StartupError under a secret that does not open the keys there are.
    """
    await hold(connection, KEYS_LOCK)
    now = await read_clock(connection)
    rows = await _list_opened(connection, sealer)
    if rows and rows[-1].valid_from > now:
        return Rotation(rows[-1].id, rows[-1].valid_from, is_new=False)
    made = await insert_new(connection, sealer, now + PUBLISHED_AHEAD if rows else now)
    await stored.end_keys(connection, made.valid_from + VERIFIES_AFTERWARDS, but=made.id)
    await audit.record(connection, Deed("key.rotated", details={"key_id": made.id, "by": by}))
    return Rotation(made.id, made.valid_from, is_new=True)


async def replace_leaked(connection: AsyncConnection, sealer: Sealer, by: str) -> Rotation:
    """Replace all keys by one that signs now: what the others have signed is void.

    Raises StartupError under a secret that does not open the keys there are.
    """
    await hold(connection, KEYS_LOCK)
    now = await read_clock(connection)
    await _list_opened(connection, sealer)
    made = await insert_new(connection, sealer, now)
    await stored.end_keys(connection, now, but=made.id)
    await stored.sweep(connection)
    deed = Deed("key.rotated", details={"key_id": made.id, "by": by, "leaked": True})
    await audit.record(connection, deed)
    return Rotation(made.id, made.valid_from, is_new=True)


async def tend_keys(engine: AsyncEngine, sealer: Sealer, every: timedelta) -> None:
    """Rotate if the newest key is that old, and destroy what signs no more; one replica at a time does."""
    async with engine.begin() as connection:
        if not await try_to_hold(connection, KEYS_LOCK):
            return
        now = await read_clock(connection)
        rows = await stored.list_keys(connection)
        if rows and now - rows[-1].valid_from >= every:
            await rotate(connection, sealer, "schedule")
        await _retire(connection, sealer, rows, now)


async def reseal(connection: AsyncConnection, sealer: Sealer) -> int:
    """Seal all keys under the present secret; return how many there are.

    Raises StartupError if neither it nor a previous one opens them.
    """
    await hold(connection, KEYS_LOCK)
    rows = await stored.list_keys(connection)
    for row in rows:
        await stored.replace_sealed(connection, row.id, sealer.seal(sealer.open(row), row.id))
    await audit.record(connection, Deed("key.resealed", details={"count": len(rows)}))
    return len(rows)


async def _list_opened(connection: AsyncConnection, sealer: Sealer) -> list[SealedKey]:
    # A secret that does not open these must not seal the next: no replica could open that one.
    rows = await stored.list_keys(connection)
    for row in rows:
        sealer.open(row)
    return rows


async def _retire(connection: AsyncConnection, sealer: Sealer, rows: list[SealedKey], now: datetime) -> None:
    """Destroy the private part of each key that a later one has taken over from."""
    signing = [row for row in rows if row.valid_from <= now]
    for row in signing[:-1]:
        public = sealer.open(row).public_key().public_bytes_raw()
        valid_until = row.valid_until or now + VERIFIES_AFTERWARDS
        await stored.retire_key(connection, RetiredKey(row.id, public, valid_until))
