"""Rows of `api_tokens`: by what bots, and people's own scripts, act. Ending one is in `endings`.

Whoever adds or ends tokens has locked the user they act as, and before that the owner.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import ColumnElement, RowMapping, delete, func, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import api_tokens, bots, users
from shared.clock import to_wire
from shared.contracts.internal import KnownToken
from shared.contracts.tokens import ApiToken

# Use is noted at most this often: a look-up that finds it noted lately writes nothing.
_NOTED_EVERY = timedelta(minutes=1)
# An ended token is known for so long, for whoever looks into what it was.
_KEPT = timedelta(days=30)


class TokenRow(Struct, frozen=True):
    """A token to be stored."""

    id: str
    user_id: str
    name: str
    token_hash: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None


async def insert_token(connection: AsyncConnection, row: TokenRow) -> ApiToken:
    """Add a token."""
    statement = (
        insert(api_tokens)
        .values(
            id=row.id,
            user_id=row.user_id,
            name=row.name,
            hash=bytes.fromhex(row.token_hash),
            scopes=row.scopes,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
        .returning(api_tokens)
    )
    return _to_token((await connection.execute(statement)).mappings().one())


async def count_live(connection: AsyncConnection, user_id: str) -> int:
    """Return how many valid tokens a user has."""
    statement = select(func.count()).where(api_tokens.c.user_id == user_id, _is_live())
    return int(await connection.scalar(statement) or 0)


async def list_live(connection: AsyncConnection, user_id: str) -> list[ApiToken]:
    """Return the valid tokens of a user, the newest first; bounded by how many one may have."""
    statement = (
        select(api_tokens)
        .where(api_tokens.c.user_id == user_id, _is_live())
        .order_by(api_tokens.c.created_at.desc(), api_tokens.c.id)
    )
    return [_to_token(row) for row in (await connection.execute(statement)).mappings()]


async def lock_live(connection: AsyncConnection, token_id: str, user_id: str) -> bool:
    """Hold a token of that user until commit; False if it is not theirs or not valid any more."""
    statement = (
        select(api_tokens.c.id)
        .where(api_tokens.c.id == token_id, api_tokens.c.user_id == user_id, _is_live())
        .with_for_update()
    )
    return (await connection.scalar(statement)) is not None


async def list_known(connection: AsyncConnection, hashes: Sequence[bytes]) -> list[KnownToken]:
    """Return the tokens with these hashes that are valid, as is whom they act as, and who owns that."""
    owners = users.alias("owners")
    statement = (
        select(
            api_tokens.c.hash,
            api_tokens.c.id,
            api_tokens.c.scopes,
            api_tokens.c.expires_at,
            users.c.id.label("user_id"),
            users.c.username,
            users.c.display_name,
            users.c.role,
            func.clock_timestamp().label("checked_at"),
        )
        .join(users, users.c.id == api_tokens.c.user_id)
        .outerjoin(bots, bots.c.user_id == users.c.id)
        .outerjoin(owners, owners.c.id == bots.c.owner_id)
        .where(
            api_tokens.c.hash == _any_of(hashes),
            _is_live(),
            users.c.deactivated_at.is_(None),
            owners.c.deactivated_at.is_(None),
        )
    )
    return [_to_known(row) for row in (await connection.execute(statement)).mappings()]


async def note_use(connection: AsyncConnection, hashes: Sequence[bytes]) -> None:
    """Note that tokens are in use, where that was not done within a minute. Waits for nobody."""
    now = func.clock_timestamp()
    long_ago = or_(api_tokens.c.last_used_at.is_(None), api_tokens.c.last_used_at < now - _NOTED_EVERY)
    due = (
        select(api_tokens.c.id)
        .where(api_tokens.c.hash == _any_of(hashes), _is_live(), long_ago)
        .with_for_update(skip_locked=True)
    )
    await connection.execute(update(api_tokens).where(api_tokens.c.id.in_(due)).values(last_used_at=now))


async def sweep(connection: AsyncConnection) -> None:
    """Delete what ended or expired a month ago."""
    over = func.least(api_tokens.c.ended_at, api_tokens.c.expires_at)
    await connection.execute(delete(api_tokens).where(over < func.clock_timestamp() - _KEPT))


def _is_live() -> ColumnElement[bool]:
    is_current = or_(api_tokens.c.expires_at.is_(None), api_tokens.c.expires_at > func.clock_timestamp())
    return api_tokens.c.ended_at.is_(None) & is_current


def _any_of(hashes: Sequence[bytes]) -> ColumnElement[bytes]:
    return func.any(literal(list(hashes), ARRAY(BYTEA)))


def _to_token(row: RowMapping) -> ApiToken:
    return ApiToken(
        id=row["id"],
        user_id=row["user_id"],
        name=row["name"],
        scopes=row["scopes"],
        created_at=to_wire(row["created_at"]),
        last_used_at=to_wire(row["last_used_at"]) if row["last_used_at"] else None,
        expires_at=to_wire(row["expires_at"]) if row["expires_at"] else None,
    )


def _to_known(row: RowMapping) -> KnownToken:
    return KnownToken(
        hash=row["hash"].hex(),
        id=row["id"],
        user_id=row["user_id"],
        username=row["username"],
        display_name=row["display_name"],
        # Whatever their owner may: a token that leaks must not be worth an administrator.
        role="bot" if row["role"] == "bot" else "member",
        scopes=row["scopes"],
        checked_at=row["checked_at"].timestamp(),
        expires_at=row["expires_at"].timestamp() if row["expires_at"] else None,
    )
