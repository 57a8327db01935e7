"""Guesses and registrations are slowed, per account and per address, and nobody is locked out."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import upkeep
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import Client, code_of

WRONG = "this is not it at all"
ATTACKER = "203.0.113.9"


@pytest.fixture(scope="module")
def rate_factor() -> float:
    """The limits as they come."""
    return 1.0


@pytest.fixture(autouse=True)
async def fresh_limits(client: Client, engine: AsyncEngine, still_limits: None) -> None:
    """Every test begins with empty buckets."""
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM auth.limits"))


async def guess(client: Client, login: str, times: int) -> list[ErrorCode | None]:
    """Guess so often, all at once."""
    return await asyncio.gather(*(code_of(client.login(login, WRONG)) for _ in range(times)))


async def forget_the_past(engine: AsyncEngine, seconds: int) -> None:
    """Let the buckets run empty as if so much time had passed."""
    async with engine.begin() as connection:
        await connection.execute(text(f"UPDATE auth.limits SET full_at = full_at - interval '{seconds} s'"))


@pytest.mark.parametrize("exists", [True, False])
async def test_guesses_at_an_account_are_slowed_whether_it_exists_or_not(
    client: Client, engine: AsyncEngine, exists: bool
):
    login = (await client.register()).user.username if exists else "nobody.at.all"
    attacker = client.at(ATTACKER)
    codes = await guess(attacker, login, 25)
    assert codes.count(ErrorCode.UNAUTHENTICATED) == 10
    assert codes.count(ErrorCode.RATE_LIMITED) == 15
    with pytest.raises(ChatError) as refused:
        await attacker.login(login, WRONG)
    assert refused.value.body.retry_after_ms is not None
    assert 0 < refused.value.body.retry_after_ms <= 6_001
    await forget_the_past(engine, 6)
    assert await code_of(attacker.login(login, WRONG)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(attacker.login(login, WRONG)) is ErrorCode.RATE_LIMITED


async def test_the_spelling_of_a_login_does_not_dodge_the_limit(client: Client):
    name = (await client.register(username="dodged")).user.username
    attacker = client.at(ATTACKER)
    codes = [await code_of(attacker.login(spelling, WRONG)) for spelling in ("DODGED", name, "Dodged") * 4]
    assert codes.count(ErrorCode.RATE_LIMITED) == 2


async def test_guesses_from_many_addresses_are_slowed_and_the_owner_gets_in(client: Client):
    owner = await client.register()
    codes = []
    for number in range(6):
        codes += await guess(client.at(f"203.0.113.{number}"), owner.user.username, 10)
    assert codes.count(ErrorCode.UNAUTHENTICATED) == 50
    assert await code_of(client.login(owner.user.username)) is None


async def test_an_attacker_elsewhere_does_not_stop_the_owner_on_a_new_device(client: Client):
    owner = await client.register()
    await guess(client.at(ATTACKER), owner.user.username, 30)
    assert await code_of(client.at("198.51.100.99").login(owner.user.username)) is None


async def test_one_password_tried_on_many_accounts_is_slowed(client: Client):
    attacker = client.at(ATTACKER)
    codes = await asyncio.gather(*(code_of(attacker.login(f"victim{n}", WRONG)) for n in range(60)))
    assert codes.count(ErrorCode.RATE_LIMITED) == 10


async def test_an_ipv6_network_counts_as_one_address(client: Client):
    addresses = [f"2001:db8:1:2::{number:x}" for number in range(12)]
    codes = [await code_of(client.at(address).login("six", WRONG)) for address in addresses]
    assert codes.count(ErrorCode.RATE_LIMITED) == 2


async def test_the_right_password_costs_nothing(client: Client):
    name = (await client.register()).user.username
    codes = [await code_of(client.login(name)) for _ in range(15)]
    assert set(codes) == {None}


async def test_a_refused_guess_is_not_charged_elsewhere(client: Client, engine: AsyncEngine):
    await guess(client.at(ATTACKER), "charged.once", 40)
    async with engine.connect() as connection:
        # The entry in the audit log is charged for an hour.
        ahead = "SELECT max(full_at - now()) FROM auth.limits WHERE full_at - now() < interval '50 min'"
        assert await connection.scalar(text(ahead)) < timedelta(seconds=151)


async def test_registrations_from_one_address_are_slowed(client: Client, engine: AsyncEngine):
    await client.register()
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE auth.limits SET full_at = now() + interval '595 s'"))
    with pytest.raises(ChatError) as refused:
        await client.register()
    assert refused.value.code is ErrorCode.RATE_LIMITED
    assert refused.value.body.retry_after_ms is not None
    assert await code_of(client.at(ATTACKER).register()) is None


async def test_empty_buckets_are_swept(client: Client, engine: AsyncEngine):
    await code_of(client.login("swept", WRONG))
    await forget_the_past(engine, 3_600)
    await upkeep.sweep(engine)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM auth.limits")) == 0


@pytest.mark.parametrize("exists", [True, False])
async def test_guesses_that_are_slowed_are_one_entry_of_the_audit_log_not_one_each(
    client: Client, engine: AsyncEngine, exists: bool
):
    user = (await client.register()).user
    before = len(await list_recorded(engine, "login.guesses_slowed"))
    attacker = client.at("203.0.113.66")
    await guess(attacker, user.username if exists else "nobody.at.all", 10)
    assert len(await list_recorded(engine, "login.guesses_slowed")) == before
    await guess(attacker, user.username if exists else "nobody.at.all", 15)
    [entry] = (await list_recorded(engine, "login.guesses_slowed"))[before:]
    assert (entry.actor_id, entry.address) == (None, "203.0.113.66")
    assert entry.subject_id == (user.id if exists else None)
    # Many accounts from one address, and one account from many addresses, are no more entries either.
    await guess(attacker, "somebody.else", 70)
    await guess(client.at("203.0.113.67"), user.username if exists else "nobody.at.all", 15)
    assert len(await list_recorded(engine, "login.guesses_slowed")) == before + 1
