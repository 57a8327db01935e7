"""Signing keys: one for all replicas, sealed at rest, followed when they rotate."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.auth import upkeep
from services.auth.keys import KeyRing, Sealer
from services.auth.store import keys as stored
from services.auth.store.database import read_clock
from shared.bus import Bus
from shared.contracts import auth
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.lifecycle import StartupError
from tests.databases import DatabaseFactory
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.service import run_auth

SECRET = b"s" * 32


async def test_replicas_that_start_together_share_one_key_and_serve_each_others_users(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, engine: AsyncEngine
):
    async with AsyncExitStack() as stack:
        starts = (stack.enter_async_context(run_auth(database_url, nats_url("auth"))) for _ in range(4))
        await asyncio.gather(*starts)
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT count(*) FROM auth.keys")) == 1
        client = Client(bus)
        registered = await client.register()
        names = {(await client.login(registered.user.username)).user.id for _ in range(12)}
        assert names == {registered.user.id}
        parent = registered.tokens.refresh_token
        renewed = await asyncio.gather(*(client.refresh(parent) for _ in range(20)))
        assert len({tokens.refresh_token for tokens in renewed}) == 1


async def test_the_published_keys_verify_tokens_and_hold_no_secret(client: Client):
    registered = await client.register()
    published = (await client.ask(auth.jwks, Empty())).keys
    assert [set(key) for key in published] == [{"kty", "crv", "x", "kid", "use"}]
    header = jwt.get_unverified_header(registered.tokens.access_token)
    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": published[0]["kid"]}
    assert (await client.verify(registered.tokens)).user_id == registered.user.id


async def test_private_keys_are_sealed_at_rest(client: Client, engine: AsyncEngine):
    async with engine.connect() as connection:
        rows = await stored.list_keys(connection)
    with pytest.raises(StartupError, match="CHATCRAFT_SECRET_KEY"):
        Sealer(SECRET).open(rows[0])


def test_a_sealed_key_opens_only_under_its_own_id():
    sealer, key = Sealer(SECRET), Ed25519PrivateKey.generate()
    sealed = sealer.seal(key, "one")
    assert sealer.seal(key, "one") != sealed
    with pytest.raises(StartupError):
        sealer.open(stored.SealedKey("other", sealed, None, None))
    assert (
        sealer.open(stored.SealedKey("one", sealed, None, None)).private_bytes_raw()
        == key.private_bytes_raw()
    )


async def test_a_service_with_another_secret_says_so_and_does_not_start(
    client: Client, database_url: str, nats_url: Callable[[str], str]
):
    with pytest.raises(StartupError, match="CHATCRAFT_SECRET_KEY"):
        async with run_auth(database_url, nats_url("auth"), secret="x" * 43):
            pass


async def test_a_key_is_published_before_it_signs_and_gone_after_its_end(
    databases: DatabaseFactory,
):
    url = await databases.create()
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    sealer, hour = Sealer(SECRET), timedelta(hours=1)
    async with engine.begin() as connection:
        now = await read_clock(connection)
        for key_id, valid_from, valid_until in (
            ("ended", now - 3 * hour, now - hour),
            ("old", now - 2 * hour, now + hour),
            ("new", now - hour, None),
            ("coming", now + hour, None),
        ):
            sealed = sealer.seal(Ed25519PrivateKey.generate(), key_id)
            await stored.insert_key(connection, stored.SealedKey(key_id, sealed, valid_from, valid_until))
    ring = KeyRing(engine, sealer)
    assert await code_of(ring.check()) is ErrorCode.UNAVAILABLE
    await ring.load()
    await ring.check()
    assert [key["kid"] for key in ring.publish().keys] == ["old", "new", "coming"]
    assert ring.choose(now).id == "new"
    assert ring.choose(now + 2 * hour).id == "coming"
    with pytest.raises(ChatError):
        ring.choose(now - 4 * hour)
    await upkeep.sweep(engine)
    async with engine.connect() as connection:
        left = await connection.scalars(text("SELECT id FROM auth.keys ORDER BY id"))
        assert list(left) == ["coming", "new", "old"]
    await engine.dispose()
