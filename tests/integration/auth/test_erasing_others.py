"""Erasures of others: by an administrator over REST, by the operator at the command line."""

import asyncio
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.store import endings
from shared.contracts import admin as contract
from shared.contracts import bots, privacy, users
from shared.contracts.errors import ErrorCode
from shared.tokens import Claims
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.conftest import Admin
from tests.integration.auth.others import Others, make_stale, wait_erased

CONFLICT = ErrorCode.CONFLICT
_numbers = count(1)


@pytest.fixture
async def boss(client: Client, engine: AsyncEngine) -> Claims:
    """The one administrator."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE auth.users SET role = 'member' WHERE role = 'admin'"))
    _, claims = await client.register_claims()
    await promote(engine, claims)
    return claims


async def promote(engine: AsyncEngine, claims: Claims) -> None:
    async with engine.begin() as connection:
        await endings.change_role(connection, claims.user_id, "admin")


async def register(client: Client) -> tuple[str, Claims]:
    signed_in, claims = await client.register_claims(username=f"erased.{next(_numbers)}")
    return signed_in.user.username, claims


async def make_bot(client: Client, owner: Claims) -> str:
    return (await client.ask(bots.create, bots.CreateBot(f"bot.{next(_numbers)}", "A bot"), owner)).id


def erase(client: Client, by: Claims, user_id: str, messages: privacy.MessagesChoice = "erase") -> Any:
    return client.ask(contract.erase, contract.EraseUser(user_id, messages), by)


def keeps_texts(others: Others, *user_ids: str) -> list[bool]:
    """Whether what these wrote stays, as the messages service was told; other erasures may be under way."""
    told = {each.user_id: each.keeps_texts for each in others.erased}
    return [told[user_id] for user_id in user_ids]


def read_receipt(lines: list[str]) -> str:
    [line] = [line for line in lines if line.startswith("Receipt: ")]
    return line.removeprefix("Receipt: ")


async def test_an_administrator_erases_somebody_with_their_bots_and_it_is_recorded_as_theirs(
    client: Client, others: Others, engine: AsyncEngine, boss: Claims
):
    name, person = await register(client)
    bot_id = await make_bot(client, person)
    started = await erase(client, boss, person.user_id, "anonymise")
    assert await code_of(client.login(name)) is ErrorCode.UNAUTHENTICATED
    assert {person.user_id, bot_id} <= {row.id for row in (await client.revocations()).rows}
    await wait_erased(client, started.receipt)
    assert keeps_texts(others, person.user_id, bot_id) == [True, True]
    [left] = (await client.ask(users.get, users.GetUsers([person.user_id]))).users
    assert left.display_name == "Deleted user"
    [entry] = await list_recorded(engine, "erasure.requested", person.user_id)
    assert (entry.actor_id, entry.details) == (boss.user_id, {"messages": "anonymise"})
    assert await code_of(erase(client, boss, person.user_id)) is CONFLICT


async def test_who_is_deactivated_is_erased_all_the_same(client: Client, others: Others, boss: Claims):
    _, person = await register(client)
    await client.ask(contract.deactivate, contract.UserOf(person.user_id), boss)
    started = await erase(client, boss, person.user_id)
    await wait_erased(client, started.receipt)


async def test_the_last_administrator_and_a_bot_are_not_erased(
    client: Client, others: Others, engine: AsyncEngine, boss: Claims, admin: Admin
):
    assert await code_of(erase(client, boss, boss.user_id)) is CONFLICT
    bot_id = await make_bot(client, boss)
    assert await code_of(erase(client, boss, bot_id)) is CONFLICT
    for user_id, reason in ((boss.user_id, "the last administrator"), (bot_id, "a bot is erased with")):
        code, [line] = await admin("erase", user_id, "--yes")
        assert (code, line.startswith(reason)) == (1, True)
    assert await list_recorded(engine, "erasure.requested", boss.user_id) == []
    # With another administrator, one may erase oneself this way too.
    _, other = await register(client)
    await promote(engine, other)
    await wait_erased(client, (await erase(client, boss, boss.user_id)).receipt)


async def test_an_administrators_fresh_proof_is_wanted(client: Client, engine: AsyncEngine, boss: Claims):
    _, person = await register(client)
    await make_stale(engine, boss)
    assert await code_of(erase(client, boss, person.user_id)) is ErrorCode.FORBIDDEN


async def test_of_twenty_who_erase_somebody_at_once_one_does(client: Client, others: Others, boss: Claims):
    _, person = await register(client)
    asked = [erase(client, boss, person.user_id) for _ in range(20)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    [started] = [each for each in answers if isinstance(each, privacy.StartedErasure)]
    await wait_erased(client, started.receipt)


async def test_of_administrators_who_erase_each_other_at_once_one_stays(
    client: Client, others: Others, engine: AsyncEngine, boss: Claims
):
    _, other = await register(client)
    await promote(engine, other)
    codes = await asyncio.gather(
        code_of(erase(client, boss, other.user_id)), code_of(erase(client, other, boss.user_id))
    )
    assert codes.count(None) == 1
    assert set(codes) <= {None, CONFLICT, ErrorCode.FORBIDDEN}


async def test_the_operator_erases_whose_name_they_type_once_more(
    client: Client, others: Others, engine: AsyncEngine, admin: Admin
):
    name, person = await register(client)
    bot_id = await make_bot(client, person)
    code, lines = await admin("erase", person.user_id, "--messages", "anonymise", typed=f"{name}\n")
    assert code == 0, lines
    assert f"{name} is locked out, and is being erased with their bot." in lines[0]
    await wait_erased(client, read_receipt(lines))
    assert keeps_texts(others, person.user_id, bot_id) == [True, True]
    [entry] = await list_recorded(engine, "erasure.requested", person.user_id)
    assert (entry.actor_id, entry.details) == (None, {"by": "command line", "messages": "anonymise"})
    code, [line] = await admin("erase", person.user_id, "--yes")
    assert (code, line) == (1, "this account is erased, for good")


@pytest.mark.parametrize("typed", [None, "somebody.else\n"])
async def test_whose_name_is_not_typed_stays(
    client: Client, engine: AsyncEngine, admin: Admin, typed: str | None
):
    name, person = await register(client)
    code, lines = await admin("erase", name, typed=typed)
    assert (code, lines[-1].endswith("That is not the user name: nothing was done.")) == (1, True)
    assert await code_of(client.login(name)) is None
    assert await list_recorded(engine, "erasure.requested", person.user_id) == []


async def test_a_name_that_nobody_has_is_said_before_it_is_asked_for(client: Client, admin: Admin):
    code, lines = await admin("erase", "nobody.here", typed="nobody.here\n")
    assert (code, lines) == (1, ["there is no user 'nobody.here'"])
