"""How logins end: all others at once, unused for too long, too old; and what of it is recorded."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts import auth
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.ids import new_id
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import Client, code_of

ELSEWHERE = "198.51.100.77"
DAY = timedelta(days=1)


async def age(engine: AsyncEngine, login_id: str, *, began: timedelta, used: timedelta) -> None:
    """Let a login have begun, and been used last, so long ago; what it was promised stays."""
    moved = """
        UPDATE auth.logins SET created_at = now() - cast(:began AS interval),
            last_used_at = now() - cast(:used AS interval) WHERE id = :id
    """
    async with engine.begin() as connection:
        await connection.execute(text(moved), {"began": began, "used": used, "id": login_id})


async def read_end(engine: AsyncEngine, login_id: str) -> tuple[timedelta, timedelta]:
    """Return how long a login, and its newest refresh token, will last."""
    ends = """
        SELECT l.expires_at - now(), t.expires_at - now() FROM auth.logins l
        JOIN auth.refresh_tokens t ON t.login_id = l.id WHERE l.id = :id AND t.used_at IS NULL
    """
    async with engine.connect() as connection:
        row = (await connection.execute(text(ends), {"id": login_id})).one()
    return row[0], row[1]


async def test_ending_the_others_keeps_this_login_and_ends_every_other(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    others = [await client.login(registered.user.username) for _ in range(3)]
    before = (await client.revocations()).rev
    ended = await client.ask(auth.revoke_other_logins, Empty(), claims)

    assert ended.count == 3
    for other in others:
        assert await code_of(client.refresh(other.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is None
    rows = (await client.revocations(before)).rows
    login_ids = {(await client.verify(other.tokens)).login_id for other in others}
    assert {(row.kind, row.id) for row in rows} == {("login", login_id) for login_id in login_ids}
    assert [row.rev for row in rows] == [before + 1, before + 2, before + 3]
    shown = (await client.ask(auth.list_logins, Empty(), claims)).logins
    assert [each.id for each in shown] == [claims.login_id]
    [entry] = await list_recorded(engine, "login.others_revoked", claims.user_id)
    assert (entry.actor_id, entry.details) == (claims.user_id, {"count": 3})


async def test_without_others_nothing_is_ended_or_recorded(client: Client, engine: AsyncEngine):
    _, claims = await client.register_claims()
    before = (await client.revocations()).rev
    assert (await client.ask(auth.revoke_other_logins, Empty(), claims)).count == 0
    assert (await client.revocations()).rev == before
    assert not await list_recorded(engine, "login.others_revoked", claims.user_id)


async def test_of_50_at_once_each_login_is_ended_once_and_nobody_elses(client: Client):
    registered, claims = await client.register_claims()
    bystander = await client.register()
    for _ in range(5):
        await client.login(registered.user.username)
    before = (await client.revocations()).rev
    counts = await asyncio.gather(*(client.ask(auth.revoke_other_logins, Empty(), claims) for _ in range(50)))
    assert sorted(each.count for each in counts) == [0] * 49 + [5]
    assert (await client.revocations()).rev == before + 5
    assert await code_of(client.refresh(bystander.tokens.refresh_token)) is None


@pytest.mark.parametrize(
    ("began", "used", "code"),
    [
        (89 * DAY, 29 * DAY, None),
        (89 * DAY, 30 * DAY, ErrorCode.UNAUTHENTICATED),
        (90 * DAY, DAY, ErrorCode.UNAUTHENTICATED),
    ],
)
async def test_a_login_unused_for_30_days_or_90_days_old_is_refreshed_no_more(
    client: Client, engine: AsyncEngine, began: timedelta, used: timedelta, code: ErrorCode | None
):
    registered, claims = await client.register_claims()
    await age(engine, claims.login_id, began=began, used=used)
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is code


async def test_a_refresh_moves_the_end_but_never_past_the_absolute_limit(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    login_end, token_end = await read_end(engine, claims.login_id)
    assert 30 * DAY - timedelta(minutes=5) < login_end == token_end < 30 * DAY
    await age(engine, claims.login_id, began=80 * DAY, used=DAY)
    await client.refresh(registered.tokens.refresh_token)
    login_end, token_end = await read_end(engine, claims.login_id)
    assert 10 * DAY - timedelta(minutes=5) < login_end == token_end < 10 * DAY


async def test_a_sign_in_from_an_address_not_seen_before_is_recorded_and_no_other(
    client: Client, engine: AsyncEngine
):
    registered, claims = await client.register_claims()
    await client.login(registered.user.username)
    elsewhere = await client.at(ELSEWHERE).login(registered.user.username)
    await client.at(ELSEWHERE).login(registered.user.username)
    await client.refresh(registered.tokens.refresh_token)
    await client.ask(auth.logout, Empty(), claims)
    entries = await list_recorded(engine, "login.begun", claims.user_id)
    assert [entry.address for entry in entries] == [client.address, ELSEWHERE]
    login_id = (await client.verify(elsewhere.tokens)).login_id
    assert (entries[1].actor_id, entries[1].details) == (
        claims.user_id,
        {"login_id": login_id, "method": "password", "new_address": True, "new_device": True},
    )


async def test_ending_one_login_is_recorded_and_logging_out_is_not(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    other = await client.verify((await client.login(registered.user.username)).tokens)
    await code_of(client.ask(auth.revoke_login, auth.RevokeLogin(new_id()), claims))
    await client.ask(auth.revoke_login, auth.RevokeLogin(other.login_id), claims)
    await client.ask(auth.logout, Empty(), claims)
    [entry] = [
        each for each in await list_recorded(engine, about=claims.user_id) if "begun" not in each.action
    ]
    assert (entry.action, entry.details) == ("login.revoked", {"login_id": other.login_id})


async def test_a_replayed_refresh_token_is_recorded_once(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    child = await client.refresh(registered.tokens.refresh_token)
    await client.refresh(child.refresh_token)
    thief = client.at(ELSEWHERE)
    for _ in range(2):
        assert await code_of(thief.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    [entry] = await list_recorded(engine, "login.token_replayed", claims.user_id)
    assert (entry.actor_id, entry.address) == (None, ELSEWHERE)
    assert entry.details == {"login_id": claims.login_id}
