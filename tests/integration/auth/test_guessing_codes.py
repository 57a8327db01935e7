"""Guesses at a second factor are slowed per account, and its owner still gets in."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts import proving
from shared.contracts.errors import ErrorCode
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.factors import Owner, give_password, read_clock, register_with_totp

ATTACKER = "203.0.113.9"
MFA_FAILED, RATE_LIMITED = ErrorCode.MFA_FAILED, ErrorCode.RATE_LIMITED


@pytest.fixture(scope="module")
def rate_factor() -> float:
    """The limits as they come."""
    return 1.0


@pytest.fixture(autouse=True)
async def fresh_limits(client: Client, engine: AsyncEngine, still_limits: None) -> None:
    """Every test begins with empty buckets."""
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM auth.limits"))


async def guess(client: Client, owner: Owner, times: int) -> list[ErrorCode | None]:
    """Guess so often, one token after the other, as one who has the password can."""
    codes = []
    for _ in range(times):
        token = await give_password(client, owner)
        login = proving.TotpLogin(token, "not a code")
        codes.append(await code_of(client.ask(proving.login_totp, login)))
    return codes


async def test_new_tokens_do_not_give_new_tries(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    codes = await guess(client.at(ATTACKER), owner, 8)
    assert codes == [MFA_FAILED] * 5 + [RATE_LIMITED] * 3


async def test_many_addresses_do_not_give_many_tries_and_the_owner_gets_in(
    client: Client, engine: AsyncEngine
):
    owner = await register_with_totp(client, engine)
    codes = []
    for number in range(4):
        codes += await guess(client.at(f"203.0.113.{number}"), owner, 4)
    assert codes.count(MFA_FAILED) == 10
    token = await give_password(client, owner)
    login = proving.TotpLogin(token, owner.code(await read_clock(engine)))
    assert await code_of(client.ask(proving.login_totp, login)) is None


async def test_a_refused_guess_costs_no_try_of_the_token(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    attacker = client.at(ATTACKER)
    await guess(attacker, owner, 5)
    token = await give_password(attacker, owner)
    login = proving.TotpLogin(token, owner.recovery_codes[0])
    assert [await code_of(attacker.ask(proving.login_totp, login)) for _ in range(6)] == [RATE_LIMITED] * 6
    assert await code_of(client.ask(proving.login_totp, login)) is None


async def test_the_right_code_costs_nothing(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    elsewhere = client.at("198.51.100.7")
    for code in owner.recovery_codes[:7]:
        login = proving.TotpLogin(await give_password(elsewhere, owner), code)
        assert await code_of(elsewhere.ask(proving.login_totp, login)) is None


async def test_guesses_at_a_step_up_share_the_count(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    tries = [client.ask(proving.step_up, proving.StepUp(code="nothing"), owner.claims) for _ in range(7)]
    codes = await asyncio.gather(*map(code_of, tries))
    assert codes.count(MFA_FAILED) == 5
    assert codes.count(RATE_LIMITED) == 2
    assert await guess(client, owner, 1) == [RATE_LIMITED]


async def test_passwords_guessed_at_a_step_up_are_guesses_at_the_door(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    tries = [client.ask(proving.step_up, proving.StepUp(password="wrong one"), claims) for _ in range(12)]
    codes = await asyncio.gather(*map(code_of, tries))
    assert (codes.count(MFA_FAILED), codes.count(RATE_LIMITED)) == (10, 2)
    assert await code_of(client.login(registered.user.username)) is RATE_LIMITED


async def test_challenges_from_one_address_are_slowed(client: Client):
    asked = [client.ask(proving.passkey_options, proving.PasskeyOptions()) for _ in range(65)]
    codes = await asyncio.gather(*map(code_of, asked))
    assert codes.count(None) >= 60
    assert codes.count(RATE_LIMITED) >= 3
    assert await code_of(client.at(ATTACKER).ask(proving.passkey_options, proving.PasskeyOptions())) is None
