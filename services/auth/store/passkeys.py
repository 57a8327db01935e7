"""Rows of `passkeys`: the credentials of users, found by their own id when somebody signs in with one."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import passkeys
from shared.clock import to_wire
from shared.contracts.factors import Passkey

# Enough for every device somebody has; a bound for what is sent with a challenge.
PASSKEYS_MAX = 20


class Credential(Struct, frozen=True):
    """What a signature is checked against."""

    passkey_id: str
    user_id: str
    credential_id: bytes
    public_key: bytes
    transports: list[str]


class NewCredential(Struct, frozen=True):
    """What a browser has made and the library has checked."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]
    is_backed_up: bool


_CREDENTIAL = (
    passkeys.c.id, passkeys.c.user_id, passkeys.c.credential_id, passkeys.c.public_key, passkeys.c.transports,
)  # fmt: skip


async def list_passkeys(connection: AsyncConnection, user_id: str) -> list[Passkey]:
    """Return the user's, the oldest first."""
    statement = select(passkeys).where(passkeys.c.user_id == user_id).order_by(passkeys.c.created_at)
    return [_to_passkey(row) for row in (await connection.execute(statement)).mappings()]


async def list_credentials(connection: AsyncConnection, user_id: str) -> list[Credential]:
    """Return what a browser must know of the user's passkeys."""
    statement = select(*_CREDENTIAL).where(passkeys.c.user_id == user_id).order_by(passkeys.c.created_at)
    return [Credential(*row) for row in await connection.execute(statement)]


async def find_credential(connection: AsyncConnection, credential_id: bytes) -> Credential | None:
    """Return whose credential this is, and its key."""
    statement = select(*_CREDENTIAL).where(passkeys.c.credential_id == credential_id)
    row = (await connection.execute(statement)).one_or_none()
    return Credential(*row) if row else None


async def insert_passkey(
    connection: AsyncConnection,
    user_id: str,
    made: NewCredential,
    *,
    passkey_id: str,
    name: str,
    now: datetime,
) -> Passkey | None:
    """Add a passkey; None if somebody has that credential already."""
    statement = (
        postgresql.insert(passkeys)
        .values(
            id=passkey_id,
            user_id=user_id,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            transports=made.transports,
            is_backed_up=made.is_backed_up,
            name=name,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[passkeys.c.credential_id])
        .returning(passkeys)
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return _to_passkey(row) if row else None


async def note_use(connection: AsyncConnection, passkey_id: str, sign_count: int, *, backed_up: bool) -> bool:
    """Note a signature; False if the passkey is gone, or its counter did not go forward: it was copied.

    A maker that does not count says 0, always.
    """
    statement = (
        update(passkeys)
        .where(
            passkeys.c.id == passkey_id,
            (passkeys.c.sign_count < sign_count) | ((passkeys.c.sign_count == 0) & (sign_count == 0)),
        )
        .values(sign_count=sign_count, last_used_at=func.clock_timestamp(), is_backed_up=backed_up)
        .returning(passkeys.c.id)
    )
    return (await connection.scalar(statement)) is not None


async def rename(connection: AsyncConnection, user_id: str, passkey_id: str, name: str) -> Passkey | None:
    """Name one of the user's passkeys; None if it is not theirs."""
    statement = (
        update(passkeys)
        .where(passkeys.c.id == passkey_id, passkeys.c.user_id == user_id)
        .values(name=name)
        .returning(passkeys)
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return _to_passkey(row) if row else None


async def remove(connection: AsyncConnection, user_id: str, passkey_id: str) -> bool:
    """Delete one of the user's passkeys; False if it is not theirs."""
    statement = delete(passkeys).where(passkeys.c.id == passkey_id, passkeys.c.user_id == user_id)
    return (await connection.scalar(statement.returning(passkeys.c.id))) is not None


def _to_passkey(row: RowMapping) -> Passkey:
    return Passkey(
        id=row["id"],
        name=row["name"],
        created_at=to_wire(row["created_at"]),
        last_used_at=to_wire(row["last_used_at"]) if row["last_used_at"] else None,
        backed_up=row["is_backed_up"],
    )
