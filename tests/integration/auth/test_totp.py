"""TOTP and recovery codes as a second factor, through the bus, on real servers."""

import asyncio
import xml.etree.ElementTree as ET
from urllib.parse import parse_qs, urlsplit

import pytest
from pyotp import TOTP
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import upkeep
from services.auth.store import endings
from shared.contracts import auth, factors, proving
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from tests.integration.auth.client import PASSWORD, Client, code_of
from tests.integration.auth.factors import (
    age_login,
    give_password,
    list_deeds,
    read_clock,
    register_with_totp,
)

MFA_FAILED, UNAUTHENTICATED = ErrorCode.MFA_FAILED, ErrorCode.UNAUTHENTICATED


async def finish(client: Client, mfa_token: str, code: str) -> auth.SignedIn:
    return await client.ask(proving.login_totp, proving.TotpLogin(mfa_token, code))


async def run_sql(engine: AsyncEngine, statement: str, **values: object) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement), values)


async def test_a_user_without_factors_signs_in_with_the_password_alone(client: Client):
    signed_in, claims = await client.register_claims()
    reply = await client.login(signed_in.user.username)
    assert reply.user == signed_in.user
    assert (reply.mfa_token, reply.methods) == (None, None)
    listed = await client.ask(factors.list_factors, Empty(), claims)
    assert listed == factors.Factors(True, None, 0, [])


async def test_with_totp_a_password_opens_the_second_step_and_a_code_finishes_it(
    client: Client, engine: AsyncEngine
):
    owner = await register_with_totp(client, engine)
    reply = await client.login(owner.username)
    assert (reply.user, reply.tokens) == (None, None)
    assert reply.methods == ["totp", "recovery_code"]
    signed_in = await finish(client, reply.mfa_token, owner.code(await read_clock(engine)))
    assert signed_in.user.username == owner.username
    assert (await client.verify(signed_in.tokens)).user_id == owner.claims.user_id
    assert await list_deeds(engine, owner.claims.user_id) == ["login.begun", "totp.added", "login.begun"]


async def test_the_secret_comes_as_text_as_a_url_and_as_a_picture_and_is_sealed_at_rest(
    client: Client, engine: AsyncEngine
):
    signed_in, claims = await client.register_claims()
    begun = await client.ask(factors.begin_totp, Empty(), claims)
    url = urlsplit(begun.otpauth_url)
    assert (url.scheme, url.netloc) == ("otpauth", "totp")
    assert url.path.endswith(f":{signed_in.user.username}")
    assert parse_qs(url.query)["secret"] == [begun.secret]
    drawn = ET.fromstring(begun.qr_svg)
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert "href" not in begun.qr_svg
    async with engine.connect() as connection:
        stored = text("SELECT sealed FROM auth.totp WHERE user_id = :id")
        sealed = await connection.scalar(stored, {"id": claims.user_id})
    assert begun.secret.encode() not in sealed


async def test_a_secret_counts_only_once_confirmed(client: Client, engine: AsyncEngine):
    signed_in, claims = await client.register_claims()
    begin = client.ask(factors.begin_totp, Empty(), claims)
    first, second = await begin, await client.ask(factors.begin_totp, Empty(), claims)
    assert first.secret != second.secret
    assert (await client.login(signed_in.user.username)).tokens is not None
    wrong = client.ask(factors.confirm_totp, factors.ConfirmTotp("000000x"), claims)
    assert await code_of(wrong) is MFA_FAILED
    assert (await client.login(signed_in.user.username)).tokens is not None
    await run_sql(
        engine,
        "UPDATE auth.totp SET begun_at = begun_at - interval '1 h' WHERE user_id = :id",
        id=claims.user_id,
    )
    late = client.ask(factors.confirm_totp, factors.ConfirmTotp("000000"), claims)
    assert await code_of(late) is ErrorCode.CONFLICT
    await upkeep.sweep(engine)
    async with engine.connect() as connection:
        left = text("SELECT count(*) FROM auth.totp WHERE user_id = :id")
        assert await connection.scalar(left, {"id": claims.user_id}) == 0


async def test_totp_that_is_on_is_not_set_up_anew_and_is_turned_off_with_its_codes(
    client: Client, engine: AsyncEngine
):
    owner = await register_with_totp(client, engine)
    assert await code_of(client.ask(factors.begin_totp, Empty(), owner.claims)) is ErrorCode.CONFLICT
    confirm = factors.ConfirmTotp(owner.code(await read_clock(engine)))
    assert await code_of(client.ask(factors.confirm_totp, confirm, owner.claims)) is ErrorCode.CONFLICT
    listed = await client.ask(factors.list_factors, Empty(), owner.claims)
    assert listed.totp_since_at is not None
    assert listed.recovery_codes_left == 10

    await client.ask(factors.remove_totp, Empty(), owner.claims)
    assert (await client.login(owner.username)).tokens is not None
    listed = await client.ask(factors.list_factors, Empty(), owner.claims)
    assert (listed.totp_since_at, listed.recovery_codes_left) == (None, 0)
    for command in (factors.remove_totp, factors.renew_recovery_codes):
        assert await code_of(client.ask(command, Empty(), owner.claims)) is ErrorCode.NOT_FOUND


async def test_a_code_counts_once_and_so_do_those_before_it(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    now = await read_clock(engine)
    code = owner.code(now)
    await finish(client, await give_password(client, owner), code)
    token = await give_password(client, owner)
    assert await code_of(finish(client, token, code)) is MFA_FAILED
    assert await code_of(finish(client, token, owner.code(now, -1))) is MFA_FAILED
    assert await code_of(finish(client, token, owner.code(now, 1))) is None
    assert (await list_deeds(engine, owner.claims.user_id)).count("second_factor.failed") == 2


async def test_the_code_that_turned_totp_on_does_not_sign_in(client: Client, engine: AsyncEngine):
    signed_in, claims = await client.register_claims()
    begun = await client.ask(factors.begin_totp, Empty(), claims)
    code = TOTP(begun.secret).at(await read_clock(engine))
    await client.ask(factors.confirm_totp, factors.ConfirmTotp(code), claims)
    reply = await client.login(signed_in.user.username)
    assert await code_of(finish(client, reply.mfa_token, code)) is MFA_FAILED


async def test_a_recovery_code_signs_in_once_however_it_is_spelled(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    first, second = owner.recovery_codes[:2]
    await finish(client, await give_password(client, owner), first)
    token = await give_password(client, owner)
    assert await code_of(finish(client, token, first)) is MFA_FAILED
    spelled = second.replace("-", " ").upper().replace("0", "O").replace("1", "l")
    assert await code_of(finish(client, token, spelled)) is None
    listed = await client.ask(factors.list_factors, Empty(), owner.claims)
    assert listed.recovery_codes_left == 8


async def test_new_recovery_codes_void_the_old_ones(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    renewed = await client.ask(factors.renew_recovery_codes, Empty(), owner.claims)
    assert len(set(renewed.recovery_codes)) == 10
    token = await give_password(client, owner)
    assert await code_of(finish(client, token, owner.recovery_codes[0])) is MFA_FAILED
    assert await code_of(finish(client, token, renewed.recovery_codes[0])) is None


async def test_without_recovery_codes_left_none_is_offered(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    await run_sql(engine, "DELETE FROM auth.recovery_codes WHERE user_id = :id", id=owner.claims.user_id)
    assert (await client.login(owner.username)).methods == ["totp"]


async def test_another_users_code_and_recovery_code_are_worth_nothing(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    other = await register_with_totp(client, engine)
    token = await give_password(client, owner)
    assert await code_of(finish(client, token, other.recovery_codes[0])) is MFA_FAILED
    assert await code_of(finish(client, token, other.code(await read_clock(engine)))) is MFA_FAILED


async def test_the_token_of_the_second_step_is_good_for_nothing_else(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    token = await give_password(client, owner)
    assert await code_of(client.refresh(token)) is UNAUTHENTICATED
    with pytest.raises(ChatError):
        await client.verify(auth.Tokens(token, 1, None))
    assert await code_of(finish(client, "x" * 43, owner.recovery_codes[0])) is UNAUTHENTICATED
    assert await code_of(finish(client, token, owner.recovery_codes[0])) is None
    assert await code_of(finish(client, token, owner.recovery_codes[1])) is UNAUTHENTICATED


async def test_the_token_has_five_tries(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    token = await give_password(client, owner)
    codes = [await code_of(finish(client, token, "not a code")) for _ in range(5)]
    assert codes == [MFA_FAILED] * 5
    assert await code_of(finish(client, token, owner.recovery_codes[0])) is UNAUTHENTICATED


async def test_the_token_is_void_after_five_minutes_and_swept(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    token = await give_password(client, owner)
    await run_sql(engine, "UPDATE auth.pending_logins SET expires_at = expires_at - interval '5 min 1 s'")
    assert await code_of(finish(client, token, owner.recovery_codes[0])) is UNAUTHENTICATED
    await upkeep.sweep(engine)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM auth.pending_logins")) == 0


async def test_the_token_is_void_once_the_password_or_the_account_has_changed(
    client: Client, engine: AsyncEngine
):
    for change in (
        lambda connection, user_id: endings.change_password(connection, user_id, "another hash"),
        endings.deactivate,
    ):
        owner = await register_with_totp(client, engine)
        token = await give_password(client, owner)
        async with engine.begin() as connection:
            await change(connection, owner.claims.user_id)
        assert await code_of(finish(client, token, owner.recovery_codes[0])) is UNAUTHENTICATED


async def test_the_token_is_void_once_the_factors_have_changed(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    token = await give_password(client, owner)
    renewed = await client.ask(factors.renew_recovery_codes, Empty(), owner.claims)
    assert await code_of(finish(client, token, renewed.recovery_codes[0])) is UNAUTHENTICATED


async def test_a_change_of_factors_wants_a_fresh_login(client: Client, engine: AsyncEngine):
    owner = await register_with_totp(client, engine)
    await age_login(engine, owner.claims)
    for command, request in (
        (factors.begin_totp, Empty()),
        (factors.confirm_totp, factors.ConfirmTotp("000000")),
        (factors.remove_totp, Empty()),
        (factors.renew_recovery_codes, Empty()),
        (factors.begin_passkey, Empty()),
    ):
        with pytest.raises(ChatError) as refused:
            await client.ask(command, request, owner.claims)
        assert refused.value.code is ErrorCode.FORBIDDEN
        assert refused.value.body.details == {"reason": "step_up", "methods": ["totp", "recovery_code"]}


async def test_a_change_of_factors_ends_the_other_logins_and_keeps_this_one(
    client: Client, engine: AsyncEngine
):
    registered, claims = await client.register_claims()
    others = [await client.login(registered.user.username) for _ in range(3)]
    before = (await client.revocations()).rev
    begun = await client.ask(factors.begin_totp, Empty(), claims)
    code = TOTP(begun.secret).at(await read_clock(engine))
    await client.ask(factors.confirm_totp, factors.ConfirmTotp(code), claims)
    pulled = await client.revocations(before)
    ended = {(await client.verify(each.tokens)).login_id for each in others}
    assert {(row.kind, row.id) for row in pulled.rows} == {("login", each) for each in ended}
    codes = [await code_of(client.refresh(each.tokens.refresh_token)) for each in others]
    assert set(codes) == {UNAUTHENTICATED}
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is None


async def test_a_login_that_races_with_turning_totp_on_is_not_left_behind(
    client: Client, engine: AsyncEngine
):
    registered, claims = await client.register_claims()
    begun = await client.ask(factors.begin_totp, Empty(), claims)
    confirm = factors.ConfirmTotp(TOTP(begun.secret).at(await read_clock(engine)))
    replies = await asyncio.gather(
        client.ask(factors.confirm_totp, confirm, claims),
        *(client.login(registered.user.username, PASSWORD) for _ in range(12)),
    )
    signed_in = [each for each in replies[1:] if each.tokens]
    codes = [await code_of(client.refresh(each.tokens.refresh_token)) for each in signed_in]
    assert set(codes) <= {UNAUTHENTICATED}
    shown = await client.ask(auth.list_logins, Empty(), claims)
    assert [each.id for each in shown.logins] == [claims.login_id]
