"""Ending access: logout, one of several logins, deactivation, role and password; rows and hints."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import upkeep
from services.auth.store import endings
from shared.bus import subjects
from shared.contracts import auth
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.internal import Revocation
from shared.ids import new_id
from tests.integration.auth.client import AGENT, Client, code_of

HINT_DEADLINE_S = 30


@pytest.fixture
async def hints(client: Client) -> AsyncIterator["asyncio.Queue[Revocation]"]:
    """The hints as a gateway hears them."""
    heard: asyncio.Queue[Revocation] = asyncio.Queue()
    decode = msgspec.json.Decoder(Revocation).decode
    subscription = client.bus.fan_in(
        subjects.REVOKED, lambda _subject, payload: heard.put_nowait(decode(payload))
    )
    await client.bus.flush()
    yield heard
    client.bus.leave(subscription)


async def test_logout_ends_this_login_only(client: Client, hints: "asyncio.Queue[Revocation]"):
    registered, claims = await client.register_claims()
    other = await client.login(registered.user.username)
    before = (await client.revocations()).rev
    await client.ask(auth.logout, Empty(), claims)

    assert await code_of(client.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(client.refresh(other.tokens.refresh_token)) is None
    pulled = await client.revocations(before)
    assert (pulled.rev, len(pulled.rows)) == (before + 1, 1)
    row = pulled.rows[0]
    assert (row.kind, row.id, row.deactivated) == ("login", claims.login_id, False)
    assert row.issued_before > claims.issued_at
    assert 15 * 60 < row.until - claims.issued_at < 17 * 60
    assert await asyncio.wait_for(hints.get(), HINT_DEADLINE_S) == row


async def test_a_second_logout_is_fine_and_writes_nothing(client: Client):
    _, claims = await client.register_claims()
    await client.ask(auth.logout, Empty(), claims)
    before = (await client.revocations()).rev
    await client.ask(auth.logout, Empty(), claims)
    assert (await client.revocations()).rev == before


async def test_a_user_sees_their_logins_and_ends_one(client: Client):
    registered, claims = await client.register_claims()
    elsewhere = client.at("198.51.100.20")
    other = await client.verify((await elsewhere.login(registered.user.username)).tokens)
    shown = (await client.ask(auth.list_logins, Empty(), claims)).logins
    assert [(each.id, each.current) for each in shown] == [(other.login_id, False), (claims.login_id, True)]
    assert (shown[0].address, shown[0].user_agent) == ("198.51.100.20", AGENT)
    assert shown[0].created_at == shown[0].last_used_at

    await client.ask(auth.revoke_login, auth.RevokeLogin(other.login_id), claims)
    shown = (await client.ask(auth.list_logins, Empty(), claims)).logins
    assert [each.id for each in shown] == [claims.login_id]
    again = client.ask(auth.revoke_login, auth.RevokeLogin(other.login_id), claims)
    assert await code_of(again) is ErrorCode.NOT_FOUND


async def test_a_refresh_moves_a_login_up_in_the_list(client: Client):
    registered, claims = await client.register_claims()
    await client.login(registered.user.username)
    await client.refresh(registered.tokens.refresh_token)
    shown = (await client.ask(auth.list_logins, Empty(), claims)).logins
    assert shown[0].id == claims.login_id
    assert shown[0].last_used_at > shown[0].created_at


async def test_a_long_user_agent_is_cut(client: Client):
    registered, claims = await client.register_claims()
    asked = auth.PasswordLogin(registered.user.username, "a fairly long pass phrase")
    await client.ask(auth.login, asked, agent="x" * 1_000)
    shown = (await client.ask(auth.list_logins, Empty(), claims)).logins
    assert shown[0].user_agent == "x" * 300


async def test_nobody_ends_or_sees_another_users_login(client: Client):
    registered, victim = await client.register_claims()
    _, attacker = await client.register_claims()
    for login_id in (victim.login_id, new_id()):
        ended = client.ask(auth.revoke_login, auth.RevokeLogin(login_id), attacker)
        assert await code_of(ended) is ErrorCode.NOT_FOUND
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is None


async def test_revocations_are_dense_however_many_end_at_once(client: Client):
    everybody = [await client.register_claims() for _ in range(12)]
    before = (await client.revocations()).rev
    await asyncio.gather(*(client.ask(auth.logout, Empty(), claims) for _, claims in everybody))
    pulled = await client.revocations(before)
    assert [row.rev for row in pulled.rows] == list(range(before + 1, before + 13))
    assert pulled.rev == before + 13 - 1


async def test_a_new_role_voids_old_tokens_and_keeps_the_login(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    async with engine.begin() as connection:
        row = await endings.change_role(connection, claims.user_id, "admin")
        assert await endings.change_role(connection, claims.user_id, "admin") is None
    assert row is not None
    assert (row.kind, row.id) == ("role", claims.user_id)
    renewed = await client.verify(await client.refresh(registered.tokens.refresh_token))
    assert claims.issued_at <= row.issued_before < renewed.issued_at
    assert renewed.role == "admin"


async def test_a_new_password_ends_every_login(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    async with engine.begin() as connection:
        row = await endings.change_password(connection, claims.user_id, "not a hash that anything matches")
        assert await endings.change_password(connection, new_id(), "x") is None
    assert row is not None
    assert (row.kind, row.id, row.deactivated) == ("user", claims.user_id, False)
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(client.login(registered.user.username)) is ErrorCode.UNAUTHENTICATED


async def test_deactivating_twice_writes_one_row(client: Client, engine: AsyncEngine):
    _, claims = await client.register_claims()
    async with engine.begin() as connection:
        assert await endings.deactivate(connection, claims.user_id) is not None
        assert await endings.deactivate(connection, claims.user_id) is None
        assert await endings.deactivate(connection, new_id()) is None


async def test_refreshes_and_deactivation_at_once_leave_nothing_alive(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()

    async def deactivate() -> None:
        async with engine.begin() as connection:
            await endings.deactivate(connection, claims.user_id)

    refreshes = (code_of(client.refresh(registered.tokens.refresh_token)) for _ in range(20))
    codes = await asyncio.gather(deactivate(), *refreshes)
    assert set(codes) <= {None, ErrorCode.UNAUTHENTICATED}
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED


async def test_rows_past_their_time_are_swept_and_the_count_goes_on(client: Client, engine: AsyncEngine):
    _, claims = await client.register_claims()
    await client.ask(auth.logout, Empty(), claims)
    newest = (await client.revocations()).rev
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE auth.revocations SET until = now()"))
        await connection.execute(
            text("UPDATE auth.logins SET expires_at = now() WHERE id = :id"), {"id": claims.login_id}
        )
    await upkeep.sweep(engine)
    pulled = await client.revocations()
    assert (pulled.rev, pulled.rows) == (newest, [])
    async with engine.connect() as connection:
        left = text("SELECT count(*) FROM auth.logins WHERE id = :id")
        assert await connection.scalar(left, {"id": claims.login_id}) == 0
