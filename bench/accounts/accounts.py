"""Accounts with a password, and with API tokens, written straight into the database.

All have the same password, and its hash is made once: what is measured is verifying it.
"""

from datetime import UTC, datetime
from typing import Any

import asyncpg

from bench.load.population import Person
from bench.store.system import System
from services.auth.passwords import Passwords
from shared import api_tokens
from shared.ids import new_id

PASSWORD = "a benchmark's pass phrase"


async def hash_password() -> str:
    """Return the hash of `PASSWORD`, as costly to verify as everybody's."""
    passwords = Passwords()
    try:
        return await passwords.hash(PASSWORD)
    finally:
        passwords.close()


async def add_accounts(system: System, count: int) -> list[str]:
    """Add accounts; return their user names."""
    people = await system.population.add_people(count)
    connection = await asyncpg.connect(system.database_url)
    try:
        names: list[Any] = await connection.fetch(
            "UPDATE auth.users SET password_hash = $1 WHERE id = ANY($2::uuid[]) RETURNING username",
            await hash_password(),
            [each.id for each in people],
        )
    finally:
        await connection.close()
    return [str(row["username"]) for row in names]


async def add_api_tokens(system: System, people: list[Person]) -> list[str]:
    """Give each of these people an API token; return the tokens."""
    now = datetime.now(UTC)
    made = [(new_id(), person.id) for person in people]
    tokens = [api_tokens.create_token(token_id) for token_id, _ in made]
    rows = [
        (token_id, user_id, "bench", bytes.fromhex(api_tokens.hash_token(token)), ["read", "write"], now)
        for (token_id, user_id), token in zip(made, tokens, strict=True)
    ]
    connection = await asyncpg.connect(system.database_url)
    try:
        await connection.copy_records_to_table(
            "api_tokens",
            schema_name="auth",
            columns=["id", "user_id", "name", "hash", "scopes", "created_at"],
            records=rows,
        )
    finally:
        await connection.close()
    return tokens
