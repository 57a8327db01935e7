"""What an erasure leaves of accounts: rows of `users` without a name, which others' rooms still point at.

Every table that refers to a user is emptied of theirs, whatever it is: one that is added later as well.
"""

import secrets

from sqlalchemy import Column, Table, case, delete, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import domain
from services.auth.models import erasures, metadata, users

DISPLAY_NAME = "Deleted user"
# What is kept although it refers to a user.
_KEPT = {erasures.name}
_SUFFIX_BYTES = 11


async def wipe(connection: AsyncConnection, user_ids: list[str]) -> None:
    """Delete all that belongs to accounts that are locked out, and their names: those are free then."""
    for table in reversed(metadata.sorted_tables):
        owners = _list_owners(table)
        if owners and table.name not in _KEPT:
            await connection.execute(delete(table).where(or_(*(each.in_(user_ids) for each in owners))))
    for user_id in user_ids:
        await _bury(connection, user_id)


def _list_owners(table: Table) -> list[Column[str]]:
    """Return the columns that refer to a user."""
    return [
        column
        for column in table.columns
        if any(key.target_fullname == f"{users.schema}.{users.name}.id" for key in column.foreign_keys)
    ]


async def _bury(connection: AsyncConnection, user_id: str) -> None:
    nothing = {
        # Random: nobody can have taken it beforehand.
        "username": f"deleted-{secrets.token_hex(_SUFFIX_BYTES)}",
        "display_name": DISPLAY_NAME,
        "display_key": domain.fold_name(DISPLAY_NAME),
        "role": case((users.c.role == "bot", "bot"), else_="member"),
        "bio": "",
        "avatar_file_id": None,
        "email": None,
        "email_verified": False,
        "locale": None,
        "timezone": None,
        "password_hash": None,
        "password_expires_at": None,
        "must_verify_email": False,
    }
    await connection.execute(update(users).where(users.c.id == user_id).values(nothing))
