"""Accounts of people whom an import brings: found again, found by a verified e-mail, or made."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import count

from msgspec import Struct
from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import domain
from services.auth.models import imported_accounts, users
from shared.contracts.importing import Account, Person


class Place(Struct, frozen=True):
    """Which account a person has."""

    user_id: str
    is_made: bool


async def list_places(connection: AsyncConnection, person_ids: Sequence[str]) -> dict[str, Place]:
    """Return the accounts of those who were imported before, by person."""
    columns = (imported_accounts.c.person_id, imported_accounts.c.user_id, imported_accounts.c.is_made)
    statement = select(*columns).where(imported_accounts.c.person_id.in_(person_ids))
    return {row[0]: Place(row[1], row[2]) for row in await connection.execute(statement)}


async def list_by_email(connection: AsyncConnection, emails: Iterable[str]) -> dict[str, str]:
    """Return the accounts with these addresses, in lower case, where they are verified."""
    address = func.lower(users.c.email)
    statement = select(address, users.c.id).where(users.c.email_verified, address.in_(list(emails)))
    return {row[0]: row[1] for row in await connection.execute(statement)}


async def insert_people(connection: AsyncConnection, people: Sequence[Person], now: datetime) -> None:
    """Make an account for each, without a password: nobody can sign in. Names that are taken are numbered."""
    missing = {person.id: person for person in people}
    for number in count(1):
        if not missing:
            return
        rows: dict[str, dict[str, object]] = {}
        for person in missing.values():
            username = domain.number_username(person.username, number)
            rows.setdefault(username, _to_row(person, username, now))
        statement = (
            postgresql.insert(users)
            .values(list(rows.values()))
            .on_conflict_do_nothing(index_elements=[users.c.username])
            .returning(users.c.id)
        )
        for user_id in await connection.scalars(statement):
            del missing[user_id]


def _to_row(person: Person, username: str, now: datetime) -> dict[str, object]:
    return {
        "id": person.id,
        "username": username,
        "display_name": person.display_name,
        "display_key": domain.fold_name(person.display_name),
        "role": "bot" if person.is_bot else "member",
        "bio": person.bio,
        "email": person.email,
        "email_verified": False,
        "timezone": person.timezone,
        "created_at": now,
        "deactivated_at": None if person.is_active else now,
    }


async def insert_places(connection: AsyncConnection, places: dict[str, Place], now: datetime) -> None:
    """Remember which account each person has."""
    if places:
        rows = [
            {"person_id": person_id, "user_id": place.user_id, "is_made": place.is_made, "imported_at": now}
            for person_id, place in places.items()
        ]
        await connection.execute(postgresql.insert(imported_accounts).values(rows))


async def list_accounts(
    connection: AsyncConnection, places: dict[str, Place], new_ids: set[str]
) -> dict[str, Account]:
    """Return what the importer is told of these accounts, by person."""
    has_none = users.c.password_hash.is_(None) & users.c.deactivated_at.is_(None) & (users.c.role != "bot")
    statement = select(users.c.id, users.c.username, has_none).where(
        users.c.id.in_([place.user_id for place in places.values()])
    )
    found = {row[0]: (row[1], row[2]) for row in await connection.execute(statement)}
    return {
        person_id: Account(
            person_id,
            place.user_id,
            found[place.user_id][0],
            is_new=person_id in new_ids,
            needs_password=place.is_made and found[place.user_id][1],
        )
        for person_id, place in places.items()
    }


async def set_first_password(connection: AsyncConnection, user_id: str, password_hash: str) -> bool:
    """Set the password of an account that an import made and that has none; tell whether it was set."""
    made = select(imported_accounts.c.user_id).where(imported_accounts.c.is_made)
    statement = (
        update(users)
        .where(users.c.id == user_id, users.c.password_hash.is_(None), users.c.id.in_(made))
        .values(password_hash=password_hash)
    )
    return (await connection.execute(statement)).rowcount == 1
