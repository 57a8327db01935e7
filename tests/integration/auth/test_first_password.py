"""A first password, for who signs in by other ways and has none."""

import asyncio
from itertools import count

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts import factors, passwords, tokens
from shared.contracts.auth import SignedIn
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.tokens import Claims
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import PASSWORD, Client, code_of
from tests.integration.auth.factors import age_login
from tests.integration.auth.mailbox import Mailbox, read_text
from tests.integration.auth.oidc import give_email
from tests.integration.auth.test_step_up import refused_for_proof

FIRST = "the first pass phrase of all"
_numbers = count(1)


async def set_first(client: Client, claims: Claims, password: str = FIRST) -> Empty:
    return await client.ask(passwords.set_password, passwords.SetPassword(password), claims)


async def lose_password(engine: AsyncEngine, claims: Claims) -> None:
    async with engine.begin() as connection:
        gone = text("UPDATE auth.users SET password_hash = NULL WHERE id = :id")
        await connection.execute(gone, {"id": claims.user_id})


@pytest.fixture
async def without(mailing: Client, engine: AsyncEngine) -> tuple[SignedIn, Claims]:
    """Somebody whose account has no password, and a verified address."""
    signed_in, claims = await mailing.register_claims()
    await give_email(engine, claims.user_id, f"first{next(_numbers)}@mail.example")
    await lose_password(engine, claims)
    return signed_in, claims


async def test_who_has_none_sets_one_signs_in_with_it_and_is_told(
    mailing: Client, engine: AsyncEngine, mailbox: Mailbox, without: tuple[SignedIn, Claims]
):
    signed_in, claims = without
    assert await code_of(mailing.login(signed_in.user.username)) is ErrorCode.UNAUTHENTICATED
    await set_first(mailing, claims)
    assert (await mailing.ask(factors.list_factors, Empty(), claims)).has_password
    assert (await mailing.login(signed_in.user.username, FIRST)).user.id == claims.user_id
    assert len(await list_recorded(engine, "password.set", claims.user_id)) == 1
    async with engine.connect() as connection:
        found = text("SELECT email FROM auth.users WHERE id = :id")
        email = await connection.scalar(found, {"id": claims.user_id})
    assert signed_in.user.username in read_text(await mailbox.wait(email, "A password was set"))
    # From then on it is changed like any other.
    assert await code_of(set_first(mailing, claims, PASSWORD)) is ErrorCode.CONFLICT
    change = passwords.ChangePassword(FIRST, PASSWORD)
    assert await code_of(mailing.ask(passwords.change_password, change, claims)) is None


async def test_it_ends_all_other_logins_and_one_s_own_tokens_and_keeps_this_login(
    mailing: Client, engine: AsyncEngine
):
    signed_in, claims = await mailing.register_claims()
    other = await mailing.login(signed_in.user.username)
    made = await mailing.ask(tokens.create, tokens.CreateToken("a script", ["read"]), claims)
    await lose_password(engine, claims)
    before = (await mailing.revocations()).rev
    await set_first(mailing, claims)
    ended = {row.id for row in (await mailing.revocations(before)).rows}
    assert ended == {(await mailing.verify(other.tokens)).login_id, made.id}
    assert await code_of(mailing.refresh(other.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(mailing.refresh(signed_in.tokens.refresh_token)) is None


async def test_it_wants_a_fresh_proof(mailing: Client, engine: AsyncEngine, without: tuple[SignedIn, Claims]):
    signed_in, claims = without
    await age_login(engine, claims)
    assert await refused_for_proof(set_first(mailing, claims)) == []
    assert await code_of(mailing.login(signed_in.user.username, FIRST)) is ErrorCode.UNAUTHENTICATED


async def test_a_weak_one_is_refused(mailing: Client, without: tuple[SignedIn, Claims]):
    assert await code_of(set_first(mailing, without[1], "password123")) is ErrorCode.INVALID_INPUT


async def test_of_twenty_at_once_one_is_set(mailing: Client, without: tuple[SignedIn, Claims]):
    signed_in, claims = without
    tries = [f"pass phrase number {number}" for number in range(20)]
    codes = await asyncio.gather(*(code_of(set_first(mailing, claims, each)) for each in tries))
    assert codes.count(None) == 1
    assert set(codes) == {None, ErrorCode.CONFLICT}
    assert await code_of(mailing.login(signed_in.user.username, tries[codes.index(None)])) is None


async def test_one_that_the_operator_gave_out_is_none_once_its_time_is_over(
    mailing: Client, engine: AsyncEngine
):
    _, claims = await mailing.register_claims()
    assert await code_of(set_first(mailing, claims)) is ErrorCode.CONFLICT
    async with engine.begin() as connection:
        over = text("UPDATE auth.users SET password_expires_at = now() WHERE id = :id")
        await connection.execute(over, {"id": claims.user_id})
    assert not (await mailing.ask(factors.list_factors, Empty(), claims)).has_password
    await set_first(mailing, claims)
    assert (await mailing.ask(factors.list_factors, Empty(), claims)).has_password
