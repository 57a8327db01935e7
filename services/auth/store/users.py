"""Rows of `users`: accounts and profiles. Nothing here ends a login; see `endings`."""

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, TSVECTOR, UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import domain
from services.auth.models import users
from shared.clock import to_wire
from shared.contracts.entities import Me

_PROFILE = (
    users.c.id,
    users.c.username,
    users.c.display_name,
    users.c.role,
    users.c.bio,
    users.c.avatar_file_id,
    users.c.email,
    users.c.email_verified,
    users.c.locale,
    users.c.timezone,
    users.c.created_at,
    users.c.deactivated_at,
)
# A password that was given out for changing it is none after its time.
_PASSWORD_HASH = case(
    (users.c.password_expires_at <= func.clock_timestamp(), None), else_=users.c.password_hash
).label("password_hash")
# As the index `users_by_words` has it. Not parsed as a text would be: a word is what stands between spaces.
_WORDS = literal_column("array_to_tsvector(array_remove(string_to_array(display_key, ' '), ''))", TSVECTOR)


class Account(Struct, frozen=True):
    """A profile with what signing in needs of it."""

    me: Me
    password_hash: str | None


async def is_username_taken(connection: AsyncConnection, username: str) -> bool:
    """Whether somebody has the folded `username`. Only `insert_user` decides."""
    return (await connection.scalar(select(users.c.id).where(users.c.username == username))) is not None


async def insert_user(
    connection: AsyncConnection,
    *,
    user_id: str,
    username: str,
    display_name: str,
    email: str | None,
    password_hash: str | None,
    now: datetime,
    must_verify_email: bool = False,
) -> Me | None:
    """Add a member; None if the folded `username` is taken."""
    statement = (
        postgresql.insert(users)
        .values(
            id=user_id,
            username=username,
            display_name=display_name,
            display_key=domain.fold_name(display_name),
            role="member",
            bio="",
            email=email,
            email_verified=False,
            password_hash=password_hash,
            created_at=now,
            must_verify_email=must_verify_email,
        )
        .on_conflict_do_nothing(index_elements=[users.c.username])
        .returning(*_PROFILE)
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return _to_me(row) if row else None


async def find_account(connection: AsyncConnection, login: str) -> Account | None:
    """Return the account of a user name or, if it has an @, of a verified e-mail address."""
    if "@" in login:
        named = and_(users.c.email_verified, func.lower(users.c.email) == func.lower(login))
    else:
        named = and_(users.c.username == domain.fold_username(login))
    row = (await connection.execute(select(*_PROFILE, _PASSWORD_HASH).where(named))).mappings().first()
    return Account(_to_me(row), row["password_hash"]) if row else None


async def lock_account(
    connection: AsyncConnection, user_id: str, *, exclusively: bool = False
) -> Account | None:
    """Return the account as it is, and hold its role, password, factors and existence until commit.

    `exclusively`: to change them; nobody signs in to it meanwhile, and two that shared the row would wait for
    each other.
    """
    locked = select(*_PROFILE, _PASSWORD_HASH).where(users.c.id == user_id)
    statement = locked.with_for_update(read=not exclusively, key_share=exclusively)
    row = (await connection.execute(statement)).mappings().one_or_none()
    return Account(_to_me(row), row["password_hash"]) if row else None


async def hold_user(connection: AsyncConnection, user_id: str) -> bool:
    """Keep everybody else from a user's row until commit; False if there is no such user."""
    statement = select(users.c.id).where(users.c.id == user_id).with_for_update()
    return (await connection.scalar(statement)) is not None


async def has_password(connection: AsyncConnection, user_id: str) -> bool:
    """Whether the user can sign in with a password that is known here."""
    return (await connection.scalar(select(_PASSWORD_HASH).where(users.c.id == user_id))) is not None


async def find_me(connection: AsyncConnection, user_id: str) -> Me | None:
    """Return the profile of one user, deactivated or not."""
    found = await list_profiles(connection, [user_id])
    return found[0] if found else None


async def update_profile(connection: AsyncConnection, user_id: str, changes: dict[str, Any]) -> Me | None:
    """Set the given columns of `display_name, bio, locale, timezone`; None if there is no such active user.

    What was under way when an account was erased must not give it a name again.
    """
    values = dict(changes)
    if "display_name" in values:
        values["display_key"] = domain.fold_name(values["display_name"])
    if not values:
        return await find_me(connection, user_id)
    is_active = and_(users.c.id == user_id, users.c.deactivated_at.is_(None))
    statement = update(users).where(is_active).values(values).returning(*_PROFILE)
    row = (await connection.execute(statement)).mappings().one_or_none()
    return _to_me(row) if row else None


async def list_profiles(connection: AsyncConnection, user_ids: list[str]) -> list[Me]:
    """Return those that exist, in the order asked, deactivated ones too."""
    rows = await connection.execute(select(*_PROFILE).where(users.c.id == _any_of(user_ids)))
    found = {row["id"]: _to_me(row) for row in rows.mappings()}
    return [found[user_id] for user_id in dict.fromkeys(user_ids) if user_id in found]


async def list_active_ids(connection: AsyncConnection, user_ids: list[str]) -> list[str]:
    """Return those that exist and are not deactivated, in the order asked."""
    active = and_(users.c.id == _any_of(user_ids), users.c.deactivated_at.is_(None))
    found = set((await connection.scalars(select(users.c.id).where(active))).all())
    return [user_id for user_id in dict.fromkeys(user_ids) if user_id in found]


async def search(
    connection: AsyncConnection, prefix: str, after: domain.NamePosition | None, limit: int
) -> list[tuple[domain.NamePosition, Me]]:
    """Return active people whose names begin like `prefix` in any case, in the order of display names.

    A user name begins so, or a display name; or each word of `prefix` begins one of a display name's words.
    """
    wanted: list[ColumnElement[bool]] = [users.c.deactivated_at.is_(None)]
    if prefix:
        name = domain.fold_name(prefix)
        # `^@` is "starts with": it knows no wildcards, so there is nothing to escape.
        begins = [
            users.c.display_key.op("^@")(name),
            users.c.username.op("^@")(domain.fold_username(prefix)),
        ]
        if words := name.split():
            begins.append(_WORDS.op("@@")(cast(cast(" & ".join(map(_begin, words)), Text), TSQUERY)))
        wanted.append(or_(*begins))
    place = tuple_(users.c.display_key, users.c.username)
    if after:
        wanted.append(place > tuple_(after.display_key, after.username))
    statement = (
        select(users.c.display_key, *_PROFILE)
        .where(*wanted)
        .order_by(users.c.display_key, users.c.username)
        .limit(limit)
    )
    rows = (await connection.execute(statement)).mappings()
    return [(domain.NamePosition(row["display_key"], row["username"]), _to_me(row)) for row in rows]


def _begin(word: str) -> str:
    """Return "begins so" as a tsquery reads it, whatever is in the word."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "':*"


def _any_of(user_ids: list[str]) -> ColumnElement[Any]:
    return func.any(literal(user_ids, ARRAY(UUID(as_uuid=False))))


def _to_me(row: RowMapping) -> Me:
    return Me(
        id=row["id"],
        username=row["username"],
        display_name=row["display_name"],
        role=row["role"],
        bio=row["bio"],
        avatar_file_id=row["avatar_file_id"],
        created_at=to_wire(row["created_at"]),
        deactivated=row["deactivated_at"] is not None,
        email=row["email"],
        email_verified=row["email_verified"],
        locale=row["locale"],
        timezone=row["timezone"],
    )
