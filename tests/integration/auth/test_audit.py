"""The audit log: dense however many record at once, refusing change, and telling of every kind of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.auth.store import audit
from services.auth.store.audit import Deed
from services.auth.store.audit_trail import Head
from services.auth.verifying import Verified, verify
from shared.ids import new_id
from tests.databases import DatabaseFactory
from tests.integration.auth.audit_log import list_recorded

ENTRIES = 12
DETAILS = {"b": [1, True, None, "ä \u2028 \U0001f680 \\ \" '"], "a": {"z": 2**53, "y": -7}, "": "\x7f"}


@pytest.fixture
async def engine(databases: DatabaseFactory) -> AsyncIterator[AsyncEngine]:
    """A database of the test's own: what is tampered with stays so."""
    url = await databases.create()
    made = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1), pool_size=20)
    yield made
    await made.dispose()
    await databases.drop(url)


@pytest.fixture
async def filled(engine: AsyncEngine) -> AsyncEngine:
    """With entries of all shapes."""
    for number in range(ENTRIES):
        who = {"actor_id": new_id(), "subject_id": new_id(), "address": "2001:db8::1"} if number % 2 else {}
        await record(engine, Deed("thing.done", details=DETAILS | {"n": number}, **who))
    return engine


async def record(engine: AsyncEngine, deed: Deed) -> None:
    async with engine.begin() as connection:
        await audit.record(connection, deed)


async def run(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def tamper(engine: AsyncEngine, *statements: str) -> None:
    """Do what somebody can who owns the database: switch the trigger off first."""
    trigger = "TRIGGER audit_log_is_append_only"
    off, on = (f"ALTER TABLE auth.audit_log {word} {trigger}" for word in ("DISABLE", "ENABLE ALWAYS"))
    await run(engine, off, *statements, on)


async def check(engine: AsyncEngine, kept: Head | None = None) -> Verified:
    async with engine.connect() as connection:
        return await verify(connection, kept)


async def test_50_deeds_at_once_are_50_entries_without_a_hole(engine: AsyncEngine):
    await asyncio.gather(*(record(engine, Deed("thing.done", details={"n": n})) for n in range(50)))
    entries = await list_recorded(engine)
    assert [entry.number for entry in entries] == list(range(1, 51))
    assert {entry.details["n"] for entry in entries} == set(range(50))
    assert await check(engine) == Verified(Head(50, (await check(engine)).head.hash))


async def test_a_deed_that_is_rolled_back_leaves_neither_entry_nor_hole(engine: AsyncEngine):
    async with engine.connect() as connection:
        await audit.record(connection, Deed("thing.undone"))
        await connection.rollback()
    await record(engine, Deed("thing.done"))
    assert [(entry.number, entry.action) for entry in await list_recorded(engine)] == [(1, "thing.done")]


async def test_an_empty_log_and_one_of_all_shapes_are_in_order(engine: AsyncEngine):
    assert await check(engine) == Verified(Head(0, b""))
    await record(engine, Deed("thing.done", new_id(), new_id(), "192.0.2.1", DETAILS))
    assert (await check(engine)).finding is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE auth.audit_log SET details = '{}' WHERE number = 3",
        "UPDATE auth.audit_log SET hash = hash WHERE false",
        "DELETE FROM auth.audit_log WHERE number = 3",
        "TRUNCATE auth.audit_log",
        "SET LOCAL session_replication_role = replica; DELETE FROM auth.audit_log",
    ],
)
async def test_the_database_refuses_to_change_what_is_recorded(filled: AsyncEngine, statement: str):
    with pytest.raises(DBAPIError, match=r"only ever appended to|permission denied to set parameter"):
        await run(filled, *statement.split("; "))
    assert (await check(filled)).finding is None


@pytest.mark.parametrize(
    "column",
    [
        "at = at + interval '1 ms'",
        "actor_id = gen_random_uuid()",
        "actor_id = null",
        "action = 'thing.undone'",
        "subject_id = gen_random_uuid()",
        "address = '192.0.2.66'",
        "details = details || '{\"n\": 99}'",
        "details = '{}'",
        "hash = sha256('x')",
        "hash = ''",
    ],
)
async def test_an_entry_that_is_altered_is_named(filled: AsyncEngine, column: str):
    await tamper(filled, f"UPDATE auth.audit_log SET {column} WHERE number IN (6, 9)")
    verified = await check(filled)
    assert (verified.finding, verified.head.number) == ("entry 6 is altered", 5)


SWAPPED = (
    "UPDATE auth.audit_log SET number = -1 WHERE number = 6",
    "UPDATE auth.audit_log SET number = 6 WHERE number = 9",
    "UPDATE auth.audit_log SET number = 9 WHERE number = -1",
)
DROPPED_AND_CLOSED = (
    "DELETE FROM auth.audit_log WHERE number = 6",
    "UPDATE auth.audit_log SET number = -number WHERE number > 6",
    "UPDATE auth.audit_log SET number = -number - 1 WHERE number < 0",
    "UPDATE auth.audit_head SET number = number - 1",
)
COPY = "SELECT 0, at, actor_id, action, subject_id, address, details, hash FROM auth.audit_log"
INSERTED = (f"INSERT INTO auth.audit_log {COPY} WHERE number = 6",)


@pytest.mark.parametrize(
    ("statements", "finding"),
    [
        (("DELETE FROM auth.audit_log WHERE number IN (6, 7, 9)",), "entry 6 is missing"),
        (("DELETE FROM auth.audit_log WHERE number = 1",), "entry 1 is missing"),
        (SWAPPED, "entry 6 is out of order: it stands as number 9"),
        (
            ("UPDATE auth.audit_log SET number = 99 WHERE number = 6",),
            "entry 6 is out of order: it stands as number 99",
        ),
        (DROPPED_AND_CLOSED, "entry 6 is altered"),
        (INSERTED, "entry 0 is altered"),
        (
            ("DELETE FROM auth.audit_log WHERE number > 10",),
            "entry 11 is missing: the head says that there are 12",
        ),
        (("TRUNCATE auth.audit_log",), "entry 1 is missing: the head says that there are 12"),
        (
            ("UPDATE auth.audit_head SET number = 10",),
            "the head is altered: it says 10, and the last entry is 12",
        ),
        (
            ("UPDATE auth.audit_head SET hash = ''",),
            "the head is altered: it does not have the hash of entry 12",
        ),
        (("DELETE FROM auth.audit_head",), "the head is missing; the last entry is 12"),
    ],
)
async def test_the_first_that_is_missing_or_out_of_order_is_named(
    filled: AsyncEngine, statements: tuple[str, ...], finding: str
):
    await tamper(filled, *statements)
    assert (await check(filled)).finding == finding


CUT_WITH_THE_HEAD = (
    "DELETE FROM auth.audit_log WHERE number > 10",
    "UPDATE auth.audit_head SET (number, hash) = (SELECT number, hash FROM auth.audit_log WHERE number = 10)",
)


async def test_only_a_head_that_was_kept_elsewhere_tells_of_a_cut_with_the_head_and_of_a_rewrite(
    filled: AsyncEngine,
):
    kept = (await check(filled)).head
    early = Head(5, (await read_hash(filled, 5)))
    await record(filled, Deed("thing.done"))
    assert (await check(filled, kept)).finding is None
    assert (await check(filled, early)).finding is None

    await tamper(filled, *CUT_WITH_THE_HEAD)
    assert (await check(filled)).finding is None
    assert (await check(filled, early)).finding is None
    cut = "entry 11 is missing: there were 12 when the head was kept"
    assert (await check(filled, kept)).finding == cut

    await tamper(filled, "TRUNCATE auth.audit_log", "UPDATE auth.audit_head SET number = 0, hash = ''")
    for number in range(ENTRIES):
        await record(filled, Deed("thing.done", details={"n": number, "forged": True}))
    assert (await check(filled)).finding is None
    for head in (early, kept):
        rewritten = f"entry {head.number} is not the one that was kept: the log was rewritten"
        assert (await check(filled, head)).finding == rewritten


async def read_hash(engine: AsyncEngine, number: int) -> bytes:
    async with engine.connect() as connection:
        found = text("SELECT hash FROM auth.audit_log WHERE number = :number")
        return await connection.scalar(found, {"number": number})
