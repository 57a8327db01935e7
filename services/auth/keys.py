"""The signing keys: created once for all replicas, sealed in the database, held open in memory.

How one follows another is in `rotation`.
"""

from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth.sealing import SecretSealer
from services.auth.store import keys as stored
from services.auth.store.database import hold, read_clock
from services.auth.store.keys import RetiredKey, SealedKey
from shared.contracts.internal import Keys
from shared.errors import unavailable
from shared.ids import new_id
from shared.lifecycle import StartupError
from shared.tokens import AUDIENCE, ISSUER, public_jwk

KEYS_LOCK = 0x61757468  # "auth": replicas that start together create one key


class Sealer:
    """Seals private keys with AES-256-GCM under a key from the deployment's secret.

    Opens also what was sealed under a secret before it.
    """

    def __init__(self, secret: bytes, previous: Sequence[bytes] = ()) -> None:
        self._sealer = SecretSealer(secret, "signing keys", previous)

    def seal(self, key: Ed25519PrivateKey, key_id: str) -> bytes:
        """Return the sealed key, bound to its id."""
        return self._sealer.seal(key.private_bytes_raw(), key_id)

    def open(self, sealed: SealedKey) -> Ed25519PrivateKey:
        """Raises StartupError if it was sealed under another secret, or altered."""
        raw = self._sealer.open(sealed.sealed, sealed.id)
        if raw is None:
            raise StartupError(
                "CHATCRAFT_SECRET_KEY is not the one this database's signing keys were sealed with"
            )
        return Ed25519PrivateKey.from_private_bytes(raw)


class SigningKey(Struct, frozen=True):
    """A key ready to sign."""

    id: str
    private: Ed25519PrivateKey
    valid_from: datetime


async def insert_new(connection: AsyncConnection, sealer: Sealer, valid_from: datetime) -> SealedKey:
    """Make a key and store it sealed; the caller holds `KEYS_LOCK`."""
    key_id, key = new_id(), Ed25519PrivateKey.generate()
    made = SealedKey(key_id, sealer.seal(key, key_id), valid_from, None)
    await stored.insert_key(connection, made)
    return made


class KeyRing:
    """The keys this replica holds; `load` again to follow a rotation elsewhere."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer
        self._keys: list[SigningKey] = []
        self._retired: list[RetiredKey] = []

    async def load(self) -> None:
        """Take the database's keys in place of those held; create the first one if there is none."""
        async with self._engine.connect() as connection:
            rows = await stored.list_keys(connection)
            retired = await stored.list_retired_keys(connection)
        if not rows:
            rows = await self._create_first()
        self._keys = [SigningKey(row.id, self._sealer.open(row), row.valid_from) for row in rows]
        # One that was retired between the two questions is in both answers.
        held = {key.id for key in self._keys}
        self._retired = [key for key in retired if key.id not in held]

    async def check(self) -> None:
        """Raise ChatError `unavailable` unless there is a key to sign with."""
        if not self._keys:
            raise unavailable("no signing key is loaded")

    def choose(self, now: datetime) -> SigningKey:
        """Return the newest key that may sign; published ahead, so that verifiers have it by then."""
        for key in reversed(self._keys):
            if key.valid_from <= now:
                return key
        raise unavailable("no signing key is valid at present")

    def publish(self) -> Keys:
        """Return what verifiers need."""
        jwks = [public_jwk(Ed25519PublicKey.from_public_bytes(key.public), key.id) for key in self._retired]
        jwks += [public_jwk(key.private, key.id) for key in self._keys]
        return Keys(keys=jwks, issuer=ISSUER, audience=AUDIENCE)

    async def _create_first(self) -> list[SealedKey]:
        async with self._engine.begin() as connection:
            await hold(connection, KEYS_LOCK)
            rows = await stored.list_keys(connection)  # another replica may have been quicker
            if not rows:
                rows = [await insert_new(connection, self._sealer, await read_clock(connection))]
        return rows
