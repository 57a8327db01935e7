"""Proving once more that it is you: by password, code or passkey; and what is refused."""

from collections.abc import Awaitable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.passwords import Passwords
from services.auth.store import endings
from shared.contracts import auth, factors, proving
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.tokens import Claims
from tests.authenticator import Authenticator
from tests.integration.auth.client import PASSWORD, Client, code_of
from tests.integration.auth.factors import (
    add_passkey,
    age_login,
    give_password,
    list_deeds,
    read_clock,
    register_with_passkey,
    register_with_totp,
)

MFA_FAILED = ErrorCode.MFA_FAILED


async def step_up(client: Client, claims: Claims, **proof: object) -> ErrorCode | None:
    return await code_of(client.ask(proving.step_up, proving.StepUp(**proof), claims))


async def sign(
    client: Client, authenticator: Authenticator, mfa_token: str | None = None
) -> dict[str, object]:
    asked = await client.ask(proving.passkey_options, proving.PasskeyOptions(mfa_token))
    return {"challenge_id": asked.challenge_id, "credential": authenticator.sign(asked.options)}


async def may_change(client: Client, claims: Claims) -> bool:
    return await methods_due(client, claims) is None


async def methods_due(client: Client, claims: Claims) -> list[str] | None:
    """What a client is told that would prove it; None if nothing is due."""
    return await refused_for_proof(client.ask(factors.begin_passkey, Empty(), claims))


async def refused_for_proof(work: Awaitable[object]) -> list[str] | None:
    try:
        await work
    except ChatError as exc:
        refusal = exc
    else:
        return None
    assert refusal.code is ErrorCode.FORBIDDEN
    assert refusal.body.details["reason"] == "step_up"
    methods: list[str] = refusal.body.details["methods"]
    return methods


async def test_a_password_proves_it_for_ten_minutes(client: Client, engine: AsyncEngine):
    _, claims = await client.register_claims()
    assert await may_change(client, claims)
    await age_login(engine, claims)
    assert not await may_change(client, claims)
    assert await step_up(client, claims, password="not the password") is MFA_FAILED
    assert not await may_change(client, claims)
    assert await step_up(client, claims, password=PASSWORD) is None
    assert await may_change(client, claims)
    await age_login(engine, claims, minutes=9)
    assert await may_change(client, claims)
    await age_login(engine, claims, minutes=2)
    assert not await may_change(client, claims)
    assert await list_deeds(engine, claims.user_id) == ["login.begun", "login.proof_failed", "login.proved"]


async def test_a_proof_counts_for_its_login_only(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    other = await client.verify((await client.login(registered.user.username)).tokens)
    await age_login(engine, claims)
    await age_login(engine, other)
    assert await step_up(client, claims, password=PASSWORD) is None
    assert not await may_change(client, other)


async def test_a_code_proves_it_once(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    await age_login(engine, owner.claims)
    code = owner.code(await read_clock(engine))
    assert await step_up(client, owner.claims, code=code) is None
    assert await may_change(client, owner.claims)
    assert await step_up(client, owner.claims, code=code) is MFA_FAILED
    assert await step_up(client, owner.claims, code=owner.recovery_codes[0]) is None
    assert await step_up(client, owner.claims, code=owner.recovery_codes[0]) is MFA_FAILED


async def test_a_passkey_proves_it_and_a_replay_does_not(client: Client, engine: AsyncEngine):
    claims, authenticator = await register_with_passkey(client)
    await age_login(engine, claims)
    proof = await sign(client, authenticator)
    assert await step_up(client, claims, **proof) is None
    assert await may_change(client, claims)
    assert await step_up(client, claims, **proof) is MFA_FAILED


async def test_where_totp_is_on_a_password_alone_proves_nothing(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    await age_login(engine, owner.claims)
    for password in (PASSWORD, "not the password"):  # it is not even looked at
        alone = client.ask(proving.step_up, proving.StepUp(password=password), owner.claims)
        assert await refused_for_proof(alone) == ["totp", "recovery_code"]
    assert not await may_change(client, owner.claims)
    assert "login.proof_failed" not in await list_deeds(engine, owner.claims.user_id)


async def test_password_and_code_prove_it_together_and_neither_wrong_one_does(
    client: Client, engine: AsyncEngine
):
    owner = await register_with_totp(client, engine)
    await age_login(engine, owner.claims)
    code = owner.recovery_codes[0]
    assert await step_up(client, owner.claims, password="not the password", code=code) is MFA_FAILED
    assert await step_up(client, owner.claims, password=PASSWORD, code="00000-00000") is MFA_FAILED
    assert not await may_change(client, owner.claims)
    assert await step_up(client, owner.claims, password=PASSWORD, code=code) is None  # it was not used up
    assert await may_change(client, owner.claims)


async def test_a_refusal_names_what_would_do(client: Client, engine: AsyncEngine):
    _, claims = await client.register_claims()
    await age_login(engine, claims)
    assert await methods_due(client, claims) == ["password"]

    claims, _ = await register_with_passkey(client)
    await age_login(engine, claims)
    assert await methods_due(client, claims) == ["password", "passkey"]

    owner = await register_with_totp(client, engine)
    await add_passkey(client, owner.claims, Authenticator())
    await age_login(engine, owner.claims)
    assert await methods_due(client, owner.claims) == ["totp", "recovery_code", "passkey"]
    async with engine.begin() as connection:
        spent = text("DELETE FROM auth.recovery_codes WHERE user_id = :id")
        await connection.execute(spent, {"id": owner.claims.user_id})
    assert await methods_due(client, owner.claims) == ["totp", "passkey"]


async def test_a_passkey_proves_it_alone_where_totp_is_on(client: Client, engine: AsyncEngine):
    owner, authenticator = await register_with_totp(client, engine), Authenticator()
    await add_passkey(client, owner.claims, authenticator)
    await age_login(engine, owner.claims)
    assert await step_up(client, owner.claims, **await sign(client, authenticator)) is None
    assert await may_change(client, owner.claims)


async def test_totp_that_comes_while_a_password_is_verified_is_not_gone_around(
    client: Client, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
):
    owner = await register_with_totp(client, engine)
    await age_login(engine, owner.claims)
    switch = text("UPDATE auth.totp SET confirmed_at = :at WHERE user_id = :id")
    verify = Passwords.verify

    async def verify_while_it_comes(self: Passwords, wanted: str | None, password: str) -> bool:
        async with engine.begin() as connection:
            at = await read_clock(engine)
            await connection.execute(switch, {"at": at, "id": owner.claims.user_id})
        return await verify(self, wanted, password)

    async with engine.begin() as connection:
        await connection.execute(switch, {"at": None, "id": owner.claims.user_id})
    monkeypatch.setattr(Passwords, "verify", verify_while_it_comes)
    alone = client.ask(proving.step_up, proving.StepUp(password=PASSWORD), owner.claims)
    assert await refused_for_proof(alone) is not None
    assert not await may_change(client, owner.claims)


async def test_another_users_proofs_are_worth_nothing(client: Client, engine: AsyncEngine):
    owner, other = await register_with_totp(client, engine), await register_with_totp(client, engine)
    theirs = Authenticator()
    await add_passkey(client, other.claims, theirs)
    await age_login(engine, owner.claims)
    assert await step_up(client, owner.claims, **await sign(client, theirs)) is MFA_FAILED
    assert await step_up(client, owner.claims, code=other.recovery_codes[0]) is MFA_FAILED
    token = await give_password(client, other)
    assert await step_up(client, owner.claims, **await sign(client, theirs, token)) is MFA_FAILED
    assert not await may_change(client, owner.claims)


@pytest.mark.parametrize(
    "proof", [{}, {"challenge_id": "0" * 36}, {"password": "x", "challenge_id": "0" * 36}]
)
async def test_nothing_and_half_a_proof_are_refused(client: Client, proof: dict[str, str]):
    _, claims = await client.register_claims()
    assert await step_up(client, claims, **proof) is ErrorCode.INVALID_INPUT


async def test_without_the_factor_there_is_nothing_to_prove_it_with(client: Client):
    _, claims = await client.register_claims()
    assert await step_up(client, claims, code="000000") is MFA_FAILED
    assert await step_up(client, claims, **await sign_unknown(client)) is MFA_FAILED


async def sign_unknown(client: Client) -> dict[str, object]:
    return await sign(client, Authenticator())


async def test_a_login_that_has_ended_proves_nothing(client: Client, engine: AsyncEngine):
    _, claims = await client.register_claims()
    await client.ask(auth.logout, Empty(), claims)
    assert await step_up(client, claims, password=PASSWORD) is ErrorCode.UNAUTHENTICATED
    _, claims = await client.register_claims()
    async with engine.begin() as connection:
        await endings.deactivate(connection, claims.user_id)
    assert await step_up(client, claims, password=PASSWORD) is ErrorCode.UNAUTHENTICATED
