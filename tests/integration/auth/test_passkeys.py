"""Passkeys: made, used, renamed, removed; and every answer that is not a true one."""

import asyncio
import dataclasses
import os

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.store import passkeys as stored
from shared.contracts import factors, proving
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.ids import new_id
from tests.authenticator import BE, BS, UP, UV, Authenticator
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.factors import (
    add_passkey,
    age_login,
    give_password,
    list_deeds,
    login_by_passkey,
    register_with_passkey,
    register_with_totp,
)

INVALID, UNAUTHENTICATED = ErrorCode.INVALID_INPUT, ErrorCode.UNAUTHENTICATED
WRONG = [
    pytest.param({"origin": "https://evil.example"}, id="of another origin"),
    pytest.param({"origin": "http://localhost:8081"}, id="of another port"),
    pytest.param({"origin": "http://localhost:8080.evil.example"}, id="of an origin that begins alike"),
    pytest.param({"rp_id": "evil.example"}, id="for another relying party"),
    pytest.param({"flags": UP}, id="without a verified user"),
    pytest.param({"flags": UV}, id="without a present user"),
    pytest.param({"flags": UP | UV | BS}, id="with flags that contradict each other"),
    pytest.param({"cross_origin": True}, id="within a foreign page"),
]


async def test_a_passkey_signs_in_alone_and_without_a_user_name(client: Client, engine: AsyncEngine):
    claims, authenticator = await register_with_passkey(client)
    signed_in = await login_by_passkey(client, authenticator)
    assert signed_in.user.id == claims.user_id
    assert (await client.verify(signed_in.tokens)).user_id == claims.user_id
    [shown] = (await client.ask(factors.list_factors, Empty(), claims)).passkeys
    assert (shown.name, shown.backed_up) == ("Key", False)
    assert shown.last_used_at is not None
    assert shown.last_used_at > shown.created_at
    assert await list_deeds(engine, claims.user_id) == ["login.begun", "passkey.added", "login.begun"]


async def test_a_browser_is_asked_for_a_passkey_that_is_found_by_itself_and_verifies_its_user(client: Client):
    claims, _ = await register_with_passkey(client)
    options = (await client.ask(factors.begin_passkey, Empty(), claims)).options
    wanted = options["authenticatorSelection"]
    assert (wanted["residentKey"], wanted["userVerification"]) == ("required", "required")
    assert options["attestation"] == "none"
    assert options["rp"]["id"] == "localhost"
    [excluded] = options["excludeCredentials"]
    assert excluded["transports"] == ["internal"]
    public = (await client.ask(proving.passkey_options, proving.PasskeyOptions())).options
    assert (public["userVerification"], public["rpId"]) == ("required", "localhost")
    assert public["allowCredentials"] == []


async def test_several_passkeys_are_named_renamed_and_removed(client: Client, engine: AsyncEngine):
    claims, first = await register_with_passkey(client)
    second = await add_passkey(client, claims, other := Authenticator(flags=UP | UV | BE | BS), "Phone")
    assert second.backed_up
    renamed = factors.RenamePasskey(second.id, "Old phone")
    assert (await client.ask(factors.rename_passkey, renamed, claims)).name == "Old phone"
    shown = (await client.ask(factors.list_factors, Empty(), claims)).passkeys
    assert [each.name for each in shown] == ["Key", "Old phone"]

    await client.ask(factors.remove_passkey, factors.RemovePasskey(second.id), claims)
    assert await code_of(login_by_passkey(client, other)) is UNAUTHENTICATED
    assert (await login_by_passkey(client, first)).user.id == claims.user_id
    again = client.ask(factors.remove_passkey, factors.RemovePasskey(second.id), claims)
    assert await code_of(again) is ErrorCode.NOT_FOUND
    assert "passkey.removed" in await list_deeds(engine, claims.user_id)


async def test_the_last_way_in_is_not_removed(client: Client, engine: AsyncEngine):
    claims, _ = await register_with_passkey(client)
    second = await add_passkey(client, claims, Authenticator())
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.users SET password_hash = NULL WHERE id = :id"), {"id": claims.user_id}
        )
    listed = await client.ask(factors.list_factors, Empty(), claims)
    assert not listed.has_password
    both = [each.id for each in listed.passkeys]
    removals = (client.ask(factors.remove_passkey, factors.RemovePasskey(each), claims) for each in both)
    codes = await asyncio.gather(*map(code_of, removals))
    assert sorted(codes, key=str) == [None, ErrorCode.CONFLICT]
    assert second.id in both
    assert len((await client.ask(factors.list_factors, Empty(), claims)).passkeys) == 1


async def test_nobody_touches_another_users_passkey(client: Client):
    claims, _ = await register_with_passkey(client)
    [theirs] = (await client.ask(factors.list_factors, Empty(), claims)).passkeys
    _, attacker = await client.register_claims()
    rename = client.ask(factors.rename_passkey, factors.RenamePasskey(theirs.id, "mine"), attacker)
    remove = client.ask(factors.remove_passkey, factors.RemovePasskey(theirs.id), attacker)
    assert [await code_of(rename), await code_of(remove)] == [ErrorCode.NOT_FOUND] * 2
    assert (await client.ask(factors.list_factors, Empty(), claims)).passkeys == [theirs]


async def test_with_totp_a_passkey_is_the_second_factor_or_enough_alone(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    authenticator = Authenticator()
    await add_passkey(client, owner.claims, authenticator)
    reply = await client.login(owner.username)
    assert reply.methods == ["totp", "recovery_code", "passkey"]
    asked = await client.ask(proving.passkey_options, proving.PasskeyOptions(reply.mfa_token))
    assert len(asked.options["allowCredentials"]) == 1
    login = proving.PasskeyLogin(asked.challenge_id, authenticator.sign(asked.options), reply.mfa_token)
    assert (await client.ask(proving.login_passkey, login)).user.username == owner.username
    assert (await login_by_passkey(client, authenticator)).user.username == owner.username


async def test_another_users_passkey_or_token_finishes_nothing(client: Client, engine: AsyncEngine):
    owner, other = await register_with_totp(client, engine), await register_with_totp(client, engine)
    theirs, mine = Authenticator(), Authenticator()
    await add_passkey(client, owner.claims, mine)
    await add_passkey(client, other.claims, theirs)
    token, other_token = await give_password(client, owner), await give_password(client, other)
    assert await code_of(login_by_passkey(client, theirs, token)) is ErrorCode.MFA_FAILED
    asked = await client.ask(proving.passkey_options, proving.PasskeyOptions(token))
    answer = mine.sign(asked.options)
    crossed = proving.PasskeyLogin(asked.challenge_id, answer, other_token)
    assert await code_of(client.ask(proving.login_passkey, crossed)) is ErrorCode.MFA_FAILED
    asked = await client.ask(proving.passkey_options, proving.PasskeyOptions(token))
    without = proving.PasskeyLogin(asked.challenge_id, mine.sign(asked.options))
    assert await code_of(client.ask(proving.login_passkey, without)) is UNAUTHENTICATED
    unknown = proving.PasskeyOptions("x" * 43)
    assert await code_of(client.ask(proving.passkey_options, unknown)) is UNAUTHENTICATED


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_new_passkey_is_refused_that_was_made(client: Client, wrong: dict[str, object]):
    _, claims = await client.register_claims()
    added = add_passkey(client, claims, Authenticator(**wrong))
    assert await code_of(added) is INVALID
    assert (await client.ask(factors.list_factors, Empty(), claims)).passkeys == []


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_signature_is_refused_that_was_given(client: Client, wrong: dict[str, object]):
    _, authenticator = await register_with_passkey(client)
    lying = dataclasses.replace(authenticator, **wrong)
    assert await code_of(login_by_passkey(client, lying)) is UNAUTHENTICATED
    authenticator.count = lying.count
    assert await code_of(login_by_passkey(client, authenticator)) is None


async def test_a_signature_by_another_key_or_for_another_user_is_refused(client: Client):
    _, authenticator = await register_with_passkey(client)
    forged = dataclasses.replace(authenticator, key=Authenticator().key)
    assert await code_of(login_by_passkey(client, forged)) is UNAUTHENTICATED
    _, stranger = await client.register_claims()
    disguised = dataclasses.replace(
        authenticator, user_handle=bytes.fromhex(stranger.user_id.replace("-", ""))
    )
    assert await code_of(login_by_passkey(client, disguised)) is UNAUTHENTICATED
    assert await code_of(login_by_passkey(client, Authenticator())) is UNAUTHENTICATED


@pytest.mark.parametrize("text", ["A", "AAAAA", "-", "A" * 1_364])
async def test_what_is_no_base64_is_refused_like_any_other_lie(client: Client, text: str):
    claims, authenticator = await register_with_passkey(client)
    asked = await client.ask(proving.passkey_options, proving.PasskeyOptions())
    true = authenticator.sign(asked.options)
    for lie in (
        msgspec.structs.replace(true, id=text, raw_id=text),
        msgspec.structs.replace(true, response=msgspec.structs.replace(true.response, signature=text)),
        msgspec.structs.replace(true, response=msgspec.structs.replace(true.response, user_handle=text[:86])),
    ):
        asked = await client.ask(proving.passkey_options, proving.PasskeyOptions())
        login = proving.PasskeyLogin(asked.challenge_id, lie)
        assert await code_of(client.ask(proving.login_passkey, login)) is UNAUTHENTICATED
    asked = await client.ask(factors.begin_passkey, Empty(), claims)
    made = Authenticator().create(asked.options)
    request = factors.AddPasskey(
        asked.challenge_id, msgspec.structs.replace(made, id=text, raw_id=text), "Key"
    )
    assert await code_of(client.ask(factors.add_passkey, request, claims)) is INVALID


async def test_a_challenge_is_good_for_one_try_and_its_own_purpose(client: Client):
    claims, authenticator = await register_with_passkey(client)
    asked = await client.ask(proving.passkey_options, proving.PasskeyOptions())
    login = proving.PasskeyLogin(asked.challenge_id, authenticator.sign(asked.options))
    assert await code_of(client.ask(proving.login_passkey, login)) is None
    assert await code_of(client.ask(proving.login_passkey, login)) is UNAUTHENTICATED

    creation = await client.ask(factors.begin_passkey, Empty(), claims)
    signed = authenticator.sign({"challenge": creation.options["challenge"], "rpId": "localhost"})
    swapped = proving.PasskeyLogin(creation.challenge_id, signed)
    assert await code_of(client.ask(proving.login_passkey, swapped)) is UNAUTHENTICATED
    unknown = proving.PasskeyLogin(new_id(), authenticator.sign(asked.options))
    assert await code_of(client.ask(proving.login_passkey, unknown)) is UNAUTHENTICATED


async def test_of_many_who_replay_one_signature_at_once_one_signs_in(client: Client):
    _, authenticator = await register_with_passkey(client)
    asked = await client.ask(proving.passkey_options, proving.PasskeyOptions())
    login = proving.PasskeyLogin(asked.challenge_id, authenticator.sign(asked.options))
    codes = await asyncio.gather(*(code_of(client.ask(proving.login_passkey, login)) for _ in range(50)))
    assert codes.count(None) == 1
    assert codes.count(UNAUTHENTICATED) == 49


async def test_a_challenge_expires_and_is_the_callers_own(client: Client, engine: AsyncEngine):
    _, claims = await client.register_claims()
    _, stranger = await client.register_claims()
    for is_late in (True, False):
        asked = await client.ask(factors.begin_passkey, Empty(), claims)
        if is_late:
            async with engine.begin() as connection:
                await connection.execute(
                    text("UPDATE auth.challenges SET expires_at = expires_at - interval '5 min 1 s'")
                )
        answer = Authenticator().create(asked.options)
        request = factors.AddPasskey(asked.challenge_id, answer, "Key")
        added = client.ask(factors.add_passkey, request, claims if is_late else stranger)
        assert await code_of(added) is INVALID


async def test_a_counter_that_goes_back_is_refused_and_recorded(client: Client, engine: AsyncEngine):
    claims, authenticator = await register_with_passkey(client)
    copied = dataclasses.replace(authenticator)
    for _ in range(3):
        await login_by_passkey(client, authenticator)
    assert await code_of(login_by_passkey(client, copied)) is UNAUTHENTICATED
    assert (await list_deeds(engine, claims.user_id))[-1] == "passkey.refused"
    assert await code_of(login_by_passkey(client, authenticator)) is None


async def test_a_passkey_that_does_not_count_is_taken_as_it_is(client: Client):
    class Uncounted(Authenticator):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, 0 if name == "count" else value)

    _, claims = await client.register_claims()
    authenticator = Uncounted()
    await add_passkey(client, claims, authenticator)
    for _ in range(2):
        assert (await login_by_passkey(client, authenticator)).user.id == claims.user_id


async def test_a_credential_has_one_owner(client: Client):
    _, authenticator = await register_with_passkey(client)
    _, stranger = await client.register_claims()
    taken = add_passkey(client, stranger, dataclasses.replace(authenticator))
    assert await code_of(taken) is ErrorCode.CONFLICT


async def test_nobody_has_more_passkeys_than_fit_into_a_challenge(client: Client, engine: AsyncEngine):
    claims, _ = await register_with_passkey(client)
    asked = await client.ask(factors.begin_passkey, Empty(), claims)
    made = stored.NewCredential(b"", b"key", 0, [], is_backed_up=False)
    async with engine.begin() as connection:
        now = (await connection.execute(text("SELECT now()"))).scalar_one()
        for _ in range(stored.PASSKEYS_MAX - 1):
            own = msgspec.structs.replace(made, credential_id=os.urandom(16))
            await stored.insert_passkey(
                connection, claims.user_id, own, passkey_id=new_id(), name="x", now=now
            )
    assert await code_of(client.ask(factors.begin_passkey, Empty(), claims)) is ErrorCode.CONFLICT
    request = factors.AddPasskey(asked.challenge_id, Authenticator().create(asked.options), "Key")
    assert await code_of(client.ask(factors.add_passkey, request, claims)) is ErrorCode.CONFLICT


async def test_adding_and_removing_want_a_fresh_login_and_end_the_others(client: Client, engine: AsyncEngine):
    claims, authenticator = await register_with_passkey(client)
    asked = await client.ask(factors.begin_passkey, Empty(), claims)
    request = factors.AddPasskey(asked.challenge_id, Authenticator().create(asked.options), "Key")
    [own] = (await client.ask(factors.list_factors, Empty(), claims)).passkeys
    other = await login_by_passkey(client, authenticator)
    await age_login(engine, claims)
    for command, wanted in (
        (factors.add_passkey, request),
        (factors.remove_passkey, factors.RemovePasskey(own.id)),
    ):
        with pytest.raises(ChatError) as refused:
            await client.ask(command, wanted, claims)
        assert refused.value.body.details == {"reason": "step_up", "methods": ["password", "passkey"]}
    fresh = await client.verify(other.tokens)
    await client.ask(factors.remove_passkey, factors.RemovePasskey(own.id), fresh)
    rows = (await client.revocations()).rows
    assert claims.login_id in {row.id for row in rows}
    assert await code_of(client.refresh(other.tokens.refresh_token)) is None


async def test_a_deactivated_user_does_not_sign_in(client: Client, engine: AsyncEngine):
    claims, authenticator = await register_with_passkey(client)
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.users SET deactivated_at = now() WHERE id = :id"), {"id": claims.user_id}
        )
    assert await code_of(login_by_passkey(client, authenticator)) is UNAUTHENTICATED
