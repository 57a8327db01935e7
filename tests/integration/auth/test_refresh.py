"""The chain of refresh tokens: rotation, grace, replay, concurrency."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.domain import REFRESH_GRACE
from services.auth.store import endings
from shared.contracts.errors import ErrorCode
from tests.integration.auth.client import Client, code_of


async def age_uses(engine: AsyncEngine, login_id: str) -> None:
    """Move all uses of a login's refresh tokens out of the grace."""
    past = f"UPDATE auth.refresh_tokens SET used_at = used_at - interval '{REFRESH_GRACE.seconds + 1} s'"
    async with engine.begin() as connection:
        await connection.execute(text(f"{past} WHERE login_id = :id"), {"id": login_id})


async def test_a_refresh_gives_a_new_pair_of_the_same_login(client: Client):
    registered, claims = await client.register_claims()
    renewed = await client.refresh(registered.tokens.refresh_token)
    assert renewed.refresh_token != registered.tokens.refresh_token
    new_claims = await client.verify(renewed)
    assert (new_claims.user_id, new_claims.login_id) == (claims.user_id, claims.login_id)
    assert new_claims.issued_at > claims.issued_at
    assert (await client.refresh(renewed.refresh_token)).refresh_token != renewed.refresh_token


async def test_the_parent_used_again_within_the_grace_gives_the_same_successor(client: Client):
    parent = (await client.register()).tokens.refresh_token
    first = await client.refresh(parent)
    second = await client.at("198.51.100.7").refresh(parent)
    assert second.refresh_token == first.refresh_token
    assert await code_of(client.refresh(second.refresh_token)) is None


async def test_the_parent_used_again_after_its_successor_ends_the_login(client: Client):
    registered, claims = await client.register_claims()
    child = await client.refresh(registered.tokens.refresh_token)
    grandchild = await client.refresh(child.refresh_token)
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(client.refresh(grandchild.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert [row.kind for row in (await client.revocations()).rows if row.id == claims.login_id] == ["login"]


async def test_the_parent_used_again_after_the_grace_ends_the_login(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    child = await client.refresh(registered.tokens.refresh_token)
    await age_uses(engine, claims.login_id)
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(client.refresh(child.refresh_token)) is ErrorCode.UNAUTHENTICATED


async def test_50_refreshes_of_one_token_at_once_give_one_successor(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    renewed = await asyncio.gather(*(client.refresh(registered.tokens.refresh_token) for _ in range(50)))
    assert len({tokens.refresh_token for tokens in renewed}) == 1
    async with engine.connect() as connection:
        count = text("SELECT count(*) FROM auth.refresh_tokens WHERE login_id = :id")
        assert await connection.scalar(count, {"id": claims.login_id}) == 2


async def test_50_replays_of_a_spent_token_at_once_end_the_login_once(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    await client.refresh(registered.tokens.refresh_token)
    await age_uses(engine, claims.login_id)
    replays = (code_of(client.refresh(registered.tokens.refresh_token)) for _ in range(50))
    assert set(await asyncio.gather(*replays)) == {ErrorCode.UNAUTHENTICATED}
    assert len([row for row in (await client.revocations()).rows if row.id == claims.login_id]) == 1


async def test_an_unknown_an_absent_and_an_expired_token_are_refused(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.refresh_tokens SET expires_at = now() WHERE login_id = :id"),
            {"id": claims.login_id},
        )
    for token in ("never-seen", None, registered.tokens.refresh_token):
        assert await code_of(client.refresh(token)) is ErrorCode.UNAUTHENTICATED
    assert not [row for row in (await client.revocations()).rows if row.id == claims.login_id]


async def test_only_hashes_of_refresh_tokens_are_stored(client: Client, engine: AsyncEngine):
    token = (await client.register()).tokens.refresh_token
    assert token
    async with engine.connect() as connection:
        stored = (await connection.scalars(text("SELECT hash FROM auth.refresh_tokens"))).all()
    assert token.encode() not in stored
    assert all(len(each) == 32 for each in stored)


async def test_a_deactivated_user_cannot_refresh_or_sign_in(client: Client, engine: AsyncEngine):
    registered = await client.register()
    async with engine.begin() as connection:
        revocation = await endings.deactivate(connection, registered.user.id)
    assert revocation is not None
    assert (revocation.kind, revocation.deactivated) == ("user", True)
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(client.login(registered.user.username)) is ErrorCode.UNAUTHENTICATED
