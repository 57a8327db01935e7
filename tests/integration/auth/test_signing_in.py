"""Registration and login, through the bus, on real servers."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts import auth, users
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.factors import list_deeds


async def test_who_registers_is_signed_in_and_can_sign_in_again(client: Client):
    registered, claims = await client.register_claims(
        username="Ada.L", display_name="Ada Lovelace", email="a@b.example"
    )
    assert (registered.user.username, registered.user.display_name) == ("ada.l", "Ada Lovelace")
    assert (registered.user.role, registered.user.deactivated) == ("member", False)
    assert registered.tokens.expires_in_s == 900
    assert (claims.user_id, claims.role, claims.username) == (registered.user.id, "member", "ada.l")

    again = await client.login("ADA.l")
    assert again.user == registered.user
    assert (await client.verify(again.tokens)).login_id != claims.login_id
    me = await client.ask(users.me, Empty(), claims)
    assert (me.id, me.email, me.email_verified) == (registered.user.id, "a@b.example", False)


async def test_the_display_name_is_the_user_name_if_absent(client: Client):
    assert (await client.register(username="plainname")).user.display_name == "plainname"


async def test_a_user_name_is_taken_in_any_case_and_the_error_names_the_field(client: Client):
    await client.register(username="taken.name")
    with pytest.raises(ChatError) as refused:
        await client.register(username="Taken.NAME")
    assert refused.value.code is ErrorCode.CONFLICT
    assert refused.value.body.details["fields"][0]["path"] == "username"


async def test_of_many_who_take_one_name_at_once_one_gets_it(client: Client):
    codes = await asyncio.gather(*(code_of(client.register(username="rush")) for _ in range(8)))
    assert codes.count(None) == 1
    assert set(codes) == {None, ErrorCode.CONFLICT}


async def test_registration_never_says_that_an_email_is_taken(client: Client, engine: AsyncEngine):
    first = await client.register(email="one@mail.example")
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.users SET email_verified = true WHERE id = :id"), {"id": first.user.id}
        )
    assert (await client.register(email="ONE@mail.example")).user.id != first.user.id


async def test_a_verified_email_signs_in_and_an_unverified_one_does_not(client: Client, engine: AsyncEngine):
    registered = await client.register(email="Grace@mail.example")
    assert await code_of(client.login("grace@mail.example")) is ErrorCode.UNAUTHENTICATED
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.users SET email_verified = true WHERE id = :id"), {"id": registered.user.id}
        )
    assert (await client.login("grace@mail.example")).user.id == registered.user.id


@pytest.mark.parametrize("password", ["password123", "PASSWORD123", "iloveyou1"])
async def test_a_common_password_is_refused(client: Client, password: str):
    with pytest.raises(ChatError) as refused:
        await client.register(password=password)
    assert refused.value.code is ErrorCode.INVALID_INPUT
    assert refused.value.body.details["fields"][0]["path"] == "password"


async def test_a_password_is_never_cut_short_and_composes_either_way(client: Client):
    long = "é" * 127 + "x"
    name = (await client.register(password=long)).user.username
    assert await code_of(client.login(name, long[:-1] + "y")) is ErrorCode.UNAUTHENTICATED
    decomposed = "e\u0301" * 127 + "x"
    assert await code_of(client.ask(auth.login, auth.PasswordLogin(name, decomposed))) is None


async def test_an_unknown_and_a_known_user_get_the_same_answer(client: Client):
    name = (await client.register()).user.username
    answers = []
    for login in (name, "nobody.here", "nobody@mail.example"):
        with pytest.raises(ChatError) as refused:
            await client.login(login, "a wrong password")
        answers.append(refused.value.encode())
    assert len(set(answers)) == 1
    assert b"unauthenticated" in answers[0]


async def test_several_logins_at_once_are_several_logins(client: Client):
    name = (await client.register()).user.username
    results = await asyncio.gather(*(client.login(name) for _ in range(8)))
    assert len({result.tokens.refresh_token for result in results}) == 8


async def test_a_sign_in_from_a_new_address_stands_in_the_audit_log(client: Client, engine: AsyncEngine):
    registered = await client.register()
    await client.login(registered.user.username)
    assert await list_deeds(engine, registered.user.id) == ["login.begun"]  # the first, with the account
    elsewhere = client.at("198.51.100.77")
    for _ in range(2):
        await elsewhere.login(registered.user.username)
    assert await list_deeds(engine, registered.user.id) == ["login.begun"] * 2
