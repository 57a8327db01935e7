"""Signing keys follow each other without a token refused, and are sealed anew when the secret changes."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.auth import rotation, upkeep
from services.auth.keys import KeyRing, Sealer
from services.auth.rotation import PUBLISHED_AHEAD, VERIFIES_AFTERWARDS, Rotation
from services.auth.store.database import read_clock
from shared.bus import Bus
from shared.lifecycle import StartupError
from shared.tokens import ACCESS_TOKEN_S, Claims, TokenVerifier, UnknownKey, sign
from tests.databases import DatabaseFactory
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import Client
from tests.integration.auth.service import SECRET as FIRST_SECRET
from tests.integration.auth.service import run_auth

SECRET, OTHER = b"s" * 32, b"o" * 32
SECOND_SECRET = "YW5vdGhlciBzZWNyZXQgdGhhdCBpcyBsb25nIGVub3VnaCE"
EVERY = timedelta(days=90)


@pytest.fixture
async def url(databases: DatabaseFactory) -> AsyncIterator[str]:
    """A database of the test's own: keys are the deployment's."""
    made = await databases.create()
    yield made
    await databases.drop(made)


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    yield made
    await made.dispose()


@pytest.fixture
async def ring(engine: AsyncEngine) -> KeyRing:
    """A replica's keys; the first one is made."""
    made = KeyRing(engine, Sealer(SECRET))
    await made.load()
    return made


async def rotate(engine: AsyncEngine, secret: bytes = SECRET) -> Rotation:
    async with engine.begin() as connection:
        return await rotation.rotate(connection, Sealer(secret), "test")


async def pass_time(engine: AsyncEngine, time: timedelta) -> None:
    """Let everything about keys be so much longer ago."""
    async with engine.begin() as connection:
        for moved in ("keys SET valid_from", "keys SET valid_until", "retired_keys SET valid_until"):
            column = moved.rpartition(" ")[2]
            statement = f"UPDATE auth.{moved} = {column} - cast(:by AS interval)"
            await connection.execute(text(statement), {"by": time})


async def list_private(engine: AsyncEngine) -> list[str]:
    """Return the ids of the keys whose private part is still stored."""
    async with engine.connect() as connection:
        return list(await connection.scalars(text("SELECT id FROM auth.keys ORDER BY valid_from")))


async def issue(engine: AsyncEngine, ring: KeyRing) -> str:
    """Return a token as a replica with this ring gives it."""
    async with engine.connect() as connection:
        now = await read_clock(connection)
    key = ring.choose(now)
    claims = Claims("u", "l", "member", "ada", "Ada", now.timestamp(), int(now.timestamp()) + ACCESS_TOKEN_S)
    return sign(claims, key.private, key.id)


def verify(ring: KeyRing, token: str) -> Claims:
    verifier = TokenVerifier()
    verifier.set_keys(ring.publish().keys)
    return verifier.verify(token)


def published(ring: KeyRing) -> list[str]:
    return [key["kid"] for key in ring.publish().keys]


async def test_a_new_key_is_known_before_it_signs_and_the_old_one_until_its_last_token_has_expired(
    engine: AsyncEngine, ring: KeyRing
):
    [old] = published(ring)
    made = await rotate(engine)
    await ring.load()
    assert published(ring) == [old, made.key_id]
    before = await issue(engine, ring)

    await pass_time(engine, PUBLISHED_AHEAD)
    await ring.load()
    last, first = before, await issue(engine, ring)
    assert verify(ring, last)
    assert verify(ring, first)
    await rotation.tend_keys(engine, Sealer(SECRET), EVERY)
    assert await list_private(engine) == [made.key_id]
    await ring.load()
    assert published(ring) == [old, made.key_id]
    assert verify(ring, last)

    await pass_time(engine, VERIFIES_AFTERWARDS)
    await upkeep.sweep(engine)
    await ring.load()
    assert published(ring) == [made.key_id]
    with pytest.raises(UnknownKey):
        verify(ring, last)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM auth.retired_keys")) == 0


async def test_an_old_key_verifies_as_long_as_the_last_token_it_can_have_signed(
    engine: AsyncEngine, ring: KeyRing
):
    made = await rotate(engine)
    async with engine.connect() as connection:
        ends = "SELECT valid_until FROM auth.keys WHERE id <> :id"
        valid_until = await connection.scalar(text(ends), {"id": made.key_id})
    assert valid_until - made.signs_from >= timedelta(seconds=ACCESS_TOKEN_S)


async def test_while_a_key_is_on_its_way_no_other_is_made(engine: AsyncEngine, ring: KeyRing):
    made = await rotate(engine)
    again = await asyncio.gather(*(rotate(engine) for _ in range(8)))
    assert {(each.key_id, each.is_new) for each in again} == {(made.key_id, False)}
    assert len(await list_private(engine)) == 2
    assert len(await list_recorded(engine, "key.rotated")) == 1


async def test_of_many_replicas_one_rotates_when_the_key_is_old_enough(engine: AsyncEngine, ring: KeyRing):
    sealer = Sealer(SECRET)
    await pass_time(engine, EVERY - timedelta(minutes=1))
    await asyncio.gather(*(rotation.tend_keys(engine, sealer, EVERY) for _ in range(4)))
    assert len(await list_private(engine)) == 1
    await pass_time(engine, timedelta(minutes=1))
    await asyncio.gather(*(rotation.tend_keys(engine, sealer, EVERY) for _ in range(4)))
    assert len(await list_private(engine)) == 2
    [entry] = await list_recorded(engine, "key.rotated")
    assert (entry.actor_id, entry.details["by"]) == (None, "schedule")


async def test_a_key_is_not_made_under_a_secret_that_does_not_open_those_there_are(
    engine: AsyncEngine, ring: KeyRing
):
    for work in (rotation.rotate, rotation.replace_leaked):
        with pytest.raises(StartupError, match="CHATCRAFT_SECRET_KEY"):
            async with engine.begin() as connection:
                await work(connection, Sealer(OTHER), "test")
    assert await list_private(engine) == published(ring)


async def test_a_leaked_key_is_replaced_at_once(engine: AsyncEngine, ring: KeyRing):
    token = await issue(engine, ring)
    async with engine.begin() as connection:
        made = await rotation.replace_leaked(connection, Sealer(SECRET), "test")
    await ring.load()
    assert published(ring) == [made.key_id] == await list_private(engine)
    assert verify(ring, await issue(engine, ring))
    with pytest.raises(UnknownKey):
        verify(ring, token)


async def test_keys_are_sealed_anew_and_then_the_previous_secret_is_needed_no_more(
    engine: AsyncEngine, ring: KeyRing
):
    token = await issue(engine, ring)
    both = Sealer(OTHER, [SECRET])
    async with engine.begin() as connection:
        assert await rotation.reseal(connection, both) == 1
    alone = KeyRing(engine, Sealer(OTHER))
    await alone.load()
    assert verify(alone, token)
    with pytest.raises(StartupError, match="CHATCRAFT_SECRET_KEY"):
        await ring.load()
    assert [entry.details for entry in await list_recorded(engine, "key.resealed")] == [{"count": 1}]


async def test_nothing_is_sealed_anew_that_does_not_open(engine: AsyncEngine, ring: KeyRing):
    with pytest.raises(StartupError, match="CHATCRAFT_SECRET_KEY"):
        async with engine.begin() as connection:
            await rotation.reseal(connection, Sealer(OTHER, [b"x" * 32]))
    await ring.load()


async def test_a_service_with_a_new_secret_and_the_one_before_goes_on_where_that_one_stopped(
    url: str, nats_url: Callable[[str], str], bus: Bus
):
    client = Client(bus)
    async with run_auth(url, nats_url("auth"), secret=FIRST_SECRET):
        registered = await client.register()
        parent = registered.tokens.refresh_token
        child = await client.refresh(parent)
    both = {"secret": SECOND_SECRET, "auth_previous_secret_keys": f" {FIRST_SECRET} ,"}
    async with run_auth(url, nats_url("auth"), **both):
        assert await client.verify(child)
        # Repeated within the grace, though by a process with another secret: still the same successor.
        assert (await client.refresh(parent)).refresh_token == child.refresh_token
        grandchild = await client.refresh(child.refresh_token)
    with pytest.raises(StartupError, match="CHATCRAFT_SECRET_KEY"):
        async with run_auth(url, nats_url("auth"), secret=SECOND_SECRET):
            pass
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    sealer = Sealer(urlsafe_b64decode(SECOND_SECRET + "="), [urlsafe_b64decode(FIRST_SECRET + "=")])
    async with engine.begin() as connection:
        await rotation.reseal(connection, sealer)
    await engine.dispose()
    async with run_auth(url, nats_url("auth"), secret=SECOND_SECRET):
        assert await client.verify(child)
        assert await client.refresh(grandchild.refresh_token)
