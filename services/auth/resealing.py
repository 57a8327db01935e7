"""Seals anew what the database holds sealed under a secret of before: for the operator, while services run.

Each batch is a transaction. Stopped half-way it is run again: what is under the present secret is left alone.
"""

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth.sealing import SecretSealer
from services.auth.store import audit, sealed
from services.auth.store.audit import Deed
from services.auth.store.sealed import SealedPlace

# Some milliseconds, for which nobody with one of these rows signs in.
BATCH = 500


class Resealed(Struct, frozen=True):
    """What became of the rows of one table."""

    renewed: int
    lost: int
    """Those that no secret opens, left as they are."""


async def reseal(engine: AsyncEngine, place: SealedPlace, sealer: SecretSealer) -> Resealed:
    """Seal every row under the present secret of `sealer`."""
    renewed = lost = 0
    after: str | None = None
    while True:
        async with engine.begin() as connection:
            rows = await sealed.lock_batch(connection, place, after, BATCH)
            for key, value in rows:
                if sealer.is_present(value, key):
                    continue
                if await _renew(connection, place, sealer, key, value):
                    renewed += 1
                else:
                    lost += 1
        if len(rows) < BATCH:
            break
        after = rows[-1][0]
    if renewed:
        async with engine.begin() as connection:
            details = {"table": str(place.table.name), "count": renewed}
            await audit.record(connection, Deed("secrets.resealed", details=details))
    return Resealed(renewed, lost)


async def _renew(
    connection: AsyncConnection, place: SealedPlace, sealer: SecretSealer, key: str, value: bytes
) -> bool:
    plain = sealer.open(value, key)
    if plain is None:
        return False
    await sealed.replace(connection, place, key, sealer.seal(plain, key))
    return True
