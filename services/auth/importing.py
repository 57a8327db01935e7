"""Gives accounts to people an import brings. `chatcraft import` runs `python -m services.auth.importing`.

Changes no account that is there. All of one request is one transaction.
"""

import asyncio
import os
import sys

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.auth.passwords import Passwords
from services.auth.store import importing as store
from services.auth.store.database import hold, read_clock
from services.auth.store.importing import Place
from services.auth.store.schema import check_schema
from shared.contracts.importing import (
    Account,
    AuthRequest,
    PasswordsSet,
    Person,
    SetPasswords,
    Settled,
    SettlePeople,
)
from shared.intake import answer_lines
from shared.lifecycle import StartupError

_LOCK = 0x494D504F  # "IMPO": of two imports at once, one waits
OLDEST_REVISION = 2


class AccountIntake:
    """Answers the requests of one import."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._passwords = Passwords()

    async def answer(self, asked: AuthRequest) -> Settled | PasswordsSet:
        """Do what is asked, and commit it."""
        if isinstance(asked, SetPasswords):
            return await self._set_passwords(asked)
        return Settled(await self._settle(asked))

    async def _settle(self, asked: SettlePeople) -> list[Account]:
        async with self._engine.begin() as connection:
            await hold(connection, _LOCK)
            places = await store.list_places(connection, [person.id for person in asked.people])
            others = {person.id: person for person in asked.people if person.id not in places}
            placed = await _place(connection, list(others.values()))
            new_ids = {person_id for person_id, place in placed.items() if place.is_made}
            accounts = await store.list_accounts(connection, places | placed, new_ids)
        return [accounts[person.id] for person in asked.people]

    async def _set_passwords(self, asked: SetPasswords) -> PasswordsSet:
        hashes = await asyncio.gather(*(self._passwords.hash(each.password) for each in asked.passwords))
        async with self._engine.begin() as connection:
            are_set = [
                await store.set_first_password(connection, each.user_id, password_hash)
                for each, password_hash in zip(asked.passwords, hashes, strict=True)
            ]
        return PasswordsSet(sum(are_set))


async def _place(connection: AsyncConnection, people: list[Person]) -> dict[str, Place]:
    """Find or make the accounts of people who were never imported."""
    now = await read_clock(connection)
    addresses = {person.id: person.email.lower() for person in people if person.email and not person.is_bot}
    user_ids = await store.list_by_email(connection, addresses.values())
    placed = {
        person_id: Place(user_ids[address], is_made=False)
        for person_id, address in addresses.items()
        if address in user_ids
    }
    strangers = [person for person in people if person.id not in placed]
    await store.insert_people(connection, strangers, now)
    placed |= {person.id: Place(person.id, is_made=True) for person in strangers}
    await store.insert_places(connection, placed, now)
    return placed


async def run(database_url: str) -> None:
    """Answer until the input ends."""
    url = database_url.replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url, pool_size=1, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            await check_schema(connection, OLDEST_REVISION)
        await answer_lines(msgspec.json.Decoder(AuthRequest), AccountIntake(engine).answer)
    finally:
        await engine.dispose()


def main() -> None:
    """Entry point; the database is CHATCRAFT_DATABASE_URL."""
    try:
        asyncio.run(run(os.environ["CHATCRAFT_DATABASE_URL"]))
    except StartupError as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
