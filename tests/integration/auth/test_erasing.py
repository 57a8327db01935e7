"""Erasures as the auth service runs them: locked out at once, each step in order, nothing left at the end."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.models import metadata
from shared.contracts import admin, bots, privacy, tokens, users
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.ids import new_id
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.others import Others, erase, make_stale, wait_erased, wait_export


async def test_an_erasure_locks_out_at_once_and_frees_the_name_at_its_end(
    client: Client, others: Others, engine: AsyncEngine
):
    person, by = await client.register_claims(display_name="Erika M.", email="erika@erase.example")
    _, other = await client.register_claims()
    bot = await client.ask(bots.create, bots.CreateBot(f"bot-{new_id()[-12:]}", "Her bot"), by)
    token = await client.ask(bots.create_token, bots.CreateBotToken(bot.id, "x", ["read"]), by)
    others.erased.clear()
    others.is_online = True
    others.flows.clear()
    try:
        started = await client.ask(privacy.erase_me, privacy.EraseMe("anonymise"), by)
        assert [each.name for each in started.erasure.steps if each.finished_at] == ["access"]
        name = person.user.username
        assert await code_of(client.login(name)) is not None
        assert await code_of(client.refresh(person.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
        ended = {each.id for each in (await client.revocations()).rows}
        assert {person.user.id, bot.id, token.id} <= ended
        taken = client.register(username=name)
        assert await code_of(taken) is ErrorCode.CONFLICT
        assert (await client.ask(users.search, users.SearchUsers("erika m"), other)).users == []
    finally:
        others.flows.set()
    erasure = await wait_erased(client, started.receipt)
    assert all(each.finished_at for each in erasure.steps)
    assert [(each.user_id, each.stage, each.cursor) for each in others.erased] == [
        (user_id, stage, cursor)
        for stage in ("rooms", "messages")
        for user_id in (bot.id, by.user_id)
        for cursor in (None, "1", "2")
    ]
    assert {each.keeps_texts for each in others.erased} == {True}
    for user_id in (by.user_id, bot.id):
        [left] = (await client.ask(users.get, users.GetUsers([user_id]), other)).users
        assert (left.display_name, left.bio, left.deactivated) == ("Deleted user", "", True)
        assert left.username.startswith("deleted-")
    assert (await client.register(username=name)).user.id != by.user_id
    [begun] = await list_recorded(engine, "erasure.requested", by.user_id)
    assert begun.details == {"messages": "anonymise"}
    assert len(await list_recorded(engine, "erasure.finished", by.user_id)) == 1


async def test_nothing_of_an_erased_account_is_left_in_any_table(
    client: Client, others: Others, engine: AsyncEngine
):
    person, by = await client.register_claims(display_name="Gone Person", email="gone@erase.example")
    await client.ask(tokens.create, tokens.CreateToken("her script", ["read"]), by)
    await client.ask(privacy.request_export, Empty(), by)
    await wait_export(client, by)
    await erase(client, by)
    # These hold ids alone: the account without a name, the receipt, the log, what ends tokens.
    allowed = {"users", "erasures", "audit_log", "revocations"}
    for table in metadata.sorted_tables:
        for needle in (person.user.username, "Gone Person", "gone@erase.example", "her script", by.user_id):
            query = f"SELECT count(*) FROM auth.{table.name} t WHERE t::text ILIKE :needle"
            async with engine.connect() as connection:
                found = await connection.scalar(text(query), {"needle": f"%{needle}%"})
            assert not found or (needle == by.user_id and table.name in allowed), (table.name, needle)


async def test_an_erased_account_is_let_in_by_nobody(client: Client, others: Others, engine: AsyncEngine):
    _, chief = await client.register_claims()
    async with engine.begin() as connection:
        promote = "UPDATE auth.users SET role = 'admin' WHERE id = :id"
        await connection.execute(text(promote), {"id": chief.user_id})
    _, by = await client.register_claims()
    others.flows.clear()
    try:
        started = await client.ask(privacy.erase_me, privacy.EraseMe("erase"), by)
        again = client.ask(admin.reactivate, admin.UserOf(by.user_id), chief)
        assert await code_of(again) is ErrorCode.CONFLICT
    finally:
        others.flows.set()
    await wait_erased(client, started.receipt)
    again = client.ask(admin.reactivate, admin.UserOf(by.user_id), chief)
    assert await code_of(again) is ErrorCode.CONFLICT


async def test_what_was_still_under_way_gives_a_deleted_user_no_name_again(client: Client, others: Others):
    """A node may hear of the revocation a moment late."""
    _, by = await client.register_claims()
    await erase(client, by)
    for late in (
        client.ask(users.update_me, users.UpdateMe(display_name="Back again"), by),
        client.ask(privacy.request_export, Empty(), by),
        client.ask(bots.create, bots.CreateBot(f"bot-{new_id()[-12:]}", "Mine"), by),
    ):
        assert await code_of(late) in {ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN}
    [left] = (await client.ask(users.get, users.GetUsers([by.user_id]))).users
    assert left.display_name == "Deleted user"


async def test_who_may_not_be_erased(client: Client, others: Others, engine: AsyncEngine):
    _, by = await client.register_claims()
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE auth.users SET role = 'member'"))
        alone = "UPDATE auth.users SET role = 'admin' WHERE id = :id"
        await connection.execute(text(alone), {"id": by.user_id})
    last = client.ask(privacy.erase_me, privacy.EraseMe("erase"), by)
    assert await code_of(last) is ErrorCode.CONFLICT
    _, stale = await client.register_claims()
    await make_stale(engine, stale)
    unproved = client.ask(privacy.erase_me, privacy.EraseMe("erase"), stale)
    assert await code_of(unproved) is ErrorCode.FORBIDDEN


async def test_an_erasure_asked_for_twenty_times_at_once_is_one(client: Client, others: Others):
    _, by = await client.register_claims()
    asked = [client.ask(privacy.erase_me, privacy.EraseMe("erase"), by) for _ in range(20)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    [started] = [each for each in answers if isinstance(each, privacy.StartedErasure)]
    await wait_erased(client, started.receipt)


async def test_a_receipt_is_stored_hashed_and_another_finds_nothing(
    client: Client, others: Others, engine: AsyncEngine
):
    _, by = await client.register_claims()
    started = await client.ask(privacy.erase_me, privacy.EraseMe("erase"), by)
    assert len(started.receipt) == 64
    async with engine.connect() as connection:
        query = "SELECT count(*) FROM auth.erasures t WHERE t::text LIKE :needle"
        assert await connection.scalar(text(query), {"needle": f"%{started.receipt}%"}) == 0
    unknown = client.ask(privacy.get_erasure, privacy.HeldReceipt("A" * 64))
    assert await code_of(unknown) is ErrorCode.NOT_FOUND
    await wait_erased(client, started.receipt)
