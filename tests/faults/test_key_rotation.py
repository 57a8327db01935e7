"""The signing keys change under people who are connected: nobody is cut off, and each node asks once.

The time until the new key signs is taken out of the database instead of waiting for it.
"""

import asyncio
import sys
from collections import Counter
from dataclasses import replace
from typing import Any

import asyncpg
import httpx2
import jwt

from shared.contracts import internal
from tests.faults.observing import on_bus
from tests.stack import Stack
from tests.up_process import run_program
from tests.wire import People, Person, eventually, read

PEOPLE = 24
REQUESTS_EACH = 3


async def rotate(stack: Stack) -> None:
    """Rotate as the operator does, and let the new key's time have come."""
    env = {
        "CHATCRAFT_DATABASE_URL": stack.endpoints.database_url,
        "CHATCRAFT_SECRET_KEY": stack.find("auth").program.env["CHATCRAFT_SECRET_KEY"],
    }
    code, lines = await run_program(sys.executable, "-P", "-m", "services.auth.admin", "rotate-keys", env=env)
    assert code == 0, lines
    database = await asyncpg.connect(stack.endpoints.database_url)
    await database.execute("UPDATE auth.keys SET valid_from = valid_from - interval '5 min'")
    await database.close()
    await stack.restart("auth")  # instead of the minute in which it looks for itself


def key_of(person: Person) -> str:
    return str(jwt.get_unverified_header(person.token)["kid"])


async def refresh(person: Person) -> Person:
    body = {"refresh_token": person.tokens["refresh_token"]}
    answer = await person.http.post(f"{person.url}/api/v1/auth/refresh", json=body)
    return replace(person, tokens=read(answer)["tokens"])


async def test_keys_rotated_while_connected_are_one_fetch_a_node_and_cut_nobody_off(
    broken: Stack, folk: People, http: httpx2.AsyncClient
) -> None:
    crowd = [await folk.register("crowd", node=number % 2) for number in range(PEOPLE)]
    fetches: Counter[str] = Counter()

    async def on_fetch(message: Any) -> None:
        fetches[message.subject] += 1

    async with crowd[0].socket() as here, crowd[1].socket() as there:
        await rotate(broken)
        renewed = [await refresh(person) for person in crowd]
        assert {key_of(person) for person in crowd}.isdisjoint({key_of(person) for person in renewed})
        async with on_bus(broken, "auth") as client:
            await client.subscribe(internal.KEYS, cb=on_fetch)
            await client.flush()
            # All at once, with tokens of the new key and with the old ones, which are still good.
            calls = [person.rest("GET", "/users/me") for person in renewed * REQUESTS_EACH + crowd]
            answers = await asyncio.gather(*calls)
            await eventually(lambda: fetches.total() >= len(broken.gateway_urls))
            await client.flush()
        assert len(answers) == PEOPLE * (REQUESTS_EACH + 1)
        assert fetches == {internal.KEYS: len(broken.gateway_urls)}
        await here.call("auth.reauth", {"access_token": renewed[0].token})
        await there.call("users.me")
        assert (here.close_code, there.close_code) == (None, None)
