"""Bots and API tokens: made by their owner, found by hash, ended with whatever they hang on."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import upkeep
from services.auth.store import endings
from shared import calls
from shared.api_tokens import hash_token, is_well_formed
from shared.contracts import bots, internal, passwords, tokens, users
from shared.contracts.entities import Empty, User
from shared.contracts.errors import ErrorCode
from shared.ids import new_id
from shared.tokens import Claims
from tests.integration.auth.client import PASSWORD, TIMEOUT_S, Client, code_of


async def make_bot(client: Client, owner: Claims) -> User:
    return await client.ask(bots.create, bots.CreateBot(f"bot-{new_id()[-12:]}", "A bot"), owner)


async def make_token(
    client: Client, owner: Claims, bot: User | None = None, **fields: Any
) -> tokens.NewToken:
    wanted = {"name": "on the server", "scopes": ["read", "write"]} | fields
    if bot is None:
        return await client.ask(tokens.create, tokens.CreateToken(**wanted), owner)
    return await client.ask(bots.create_token, bots.CreateBotToken(bot.id, **wanted), owner)


async def look_up(client: Client, *shown: tokens.NewToken) -> list[internal.KnownToken]:
    """Return what a gateway learns of tokens, in their order; what is not valid is missing."""
    hashes = [hash_token(each.token) for each in shown]
    asked = internal.TokenHashes(hashes)
    known = await calls.call(
        client.bus, internal.API_TOKENS, asked, internal.KnownTokens, timeout_s=TIMEOUT_S
    )
    return sorted(known.tokens, key=lambda each: hashes.index(each.hash))


async def count_rows(engine: AsyncEngine, statement: str, **values: Any) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text(statement), values)).scalar_one())


async def test_a_bot_is_a_user_of_its_own_that_only_its_owner_sees_to(client: Client):
    _, owner = await client.register_claims()
    _, other = await client.register_claims()
    bot = await make_bot(client, owner)
    assert (bot.role, bot.display_name, bot.deactivated) == ("bot", "A bot", False)
    assert (await client.ask(bots.list_bots, Empty(), owner)).bots == [bot]
    assert (await client.ask(bots.list_bots, Empty(), other)).bots == []
    assert (await client.ask(users.get, users.GetUsers([bot.id]), other)).users == [bot]

    renamed = await client.ask(bots.update, bots.UpdateBot(bot.id, display_name="Still a bot"), owner)
    assert (renamed.display_name, renamed.bio) == ("Still a bot", "")
    assert (await client.ask(users.search, users.SearchUsers("still a b"), other)).users == [renamed]
    made = await make_token(client, owner, bot)
    for refused in (
        client.ask(bots.update, bots.UpdateBot(bot.id, bio="mine"), other),
        client.ask(bots.delete, bots.OneBot(bot.id), other),
        client.ask(bots.list_tokens, bots.OneBot(bot.id), other),
        client.ask(bots.create_token, bots.CreateBotToken(bot.id, "x", ["read"]), other),
        client.ask(bots.revoke_token, bots.RevokeBotToken(bot.id, made.id), other),
    ):
        assert await code_of(refused) is ErrorCode.NOT_FOUND


async def test_nobody_signs_in_as_a_bot(client: Client):
    _, owner = await client.register_claims()
    bot = await make_bot(client, owner)
    for password in ("", "null", "None"):
        assert await code_of(client.login(bot.username, password)) is not None


async def test_a_name_that_is_taken_makes_no_bot(client: Client):
    person, owner = await client.register_claims()
    asked = bots.CreateBot(person.user.username.upper(), "Me")
    assert await code_of(client.ask(bots.create, asked, owner)) is ErrorCode.CONFLICT
    assert (await client.ask(bots.list_bots, Empty(), owner)).bots == []


async def test_a_token_is_shown_once_and_stored_hashed(client: Client, engine: AsyncEngine):
    _, owner = await client.register_claims()
    bot = await make_bot(client, owner)
    made = await make_token(client, owner, bot, scopes=["write", "read", "read"])
    assert is_well_formed(made.token)
    assert (made.user_id, made.scopes, made.last_used_at, made.expires_at) == (
        bot.id,
        ["read", "write"],
        None,
        None,
    )

    shown = (await client.ask(bots.list_tokens, bots.OneBot(bot.id), owner)).tokens
    assert [each.id for each in shown] == [made.id]
    assert not hasattr(shown[0], "token")
    assert (await client.ask(tokens.list_tokens, Empty(), owner)).tokens == []
    async with engine.connect() as connection:
        for table in ("api_tokens", "audit_log"):
            rows = (await connection.execute(text(f"SELECT t::text FROM auth.{table} t"))).scalars().all()
            assert not [row for row in rows if made.token in row or made.token[26:69] in row]


async def test_a_gateway_learns_who_a_token_is_by_its_hash(client: Client):
    person, owner = await client.register_claims(display_name="The owner")
    bot = await make_bot(client, owner)
    room = f"rooms:{new_id()}"
    for_bot = await make_token(client, owner, bot, scopes=["read", room])
    personal = await make_token(client, owner, expires_in_days=30)
    found = await look_up(client, for_bot, personal)
    assert [(each.id, each.user_id, each.role, each.scopes) for each in found] == [
        (for_bot.id, bot.id, "bot", ["read", room]),
        (personal.id, person.user.id, "member", ["read", "write"]),
    ]
    assert [each.display_name for each in found] == ["A bot", "The owner"]
    assert found[0].expires_at is None
    assert found[1].expires_at is not None
    assert 29 * 86_400 < found[1].expires_at - found[1].checked_at <= 30 * 86_400


async def test_an_administrator_s_own_token_is_no_administrator(client: Client, engine: AsyncEngine):
    _, owner = await client.register_claims()
    made = await make_token(client, owner)
    async with engine.begin() as connection:
        await endings.change_role(connection, owner.user_id, "admin")
    assert [each.role for each in await look_up(client, made)] == ["member"]


async def test_use_is_noted_at_most_once_a_minute(client: Client, engine: AsyncEngine):
    _, owner = await client.register_claims()
    made = await make_token(client, owner)

    async def read_use() -> str | None:
        return (await client.ask(tokens.list_tokens, Empty(), owner)).tokens[0].last_used_at

    await look_up(client, made)
    first = await read_use()
    assert first is not None
    await look_up(client, made)
    assert await read_use() == first
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.api_tokens SET last_used_at = now() - interval '61 s' WHERE id = :id"),
            {"id": made.id},
        )
    moved_back = await read_use()
    await look_up(client, made)
    assert await read_use() != moved_back


async def test_50_look_ups_at_once_wait_for_nobody_and_all_answer(client: Client):
    _, owner = await client.register_claims()
    made = [await make_token(client, owner) for _ in range(3)]
    answers = await asyncio.gather(*(look_up(client, *made[:: 1 if n % 2 else -1]) for n in range(50)))
    assert {len(answer) for answer in answers} == {3}


async def test_a_revoked_token_is_revoked_as_a_login_is(client: Client):
    _, owner = await client.register_claims()
    made, kept = await make_token(client, owner), await make_token(client, owner)
    before = (await client.revocations()).rev
    await client.ask(tokens.revoke, tokens.RevokeToken(made.id), owner)
    rows = (await client.revocations(before)).rows
    assert [(row.kind, row.id, row.deactivated) for row in rows] == [("login", made.id, False)]
    assert [each.id for each in await look_up(client, made, kept)] == [kept.id]
    again = client.ask(tokens.revoke, tokens.RevokeToken(made.id), owner)
    assert await code_of(again) is ErrorCode.NOT_FOUND


async def test_somebody_else_s_token_cannot_be_revoked(client: Client):
    _, owner = await client.register_claims()
    _, other = await client.register_claims()
    bot = await make_bot(client, owner)
    personal, for_bot = await make_token(client, owner), await make_token(client, owner, bot)
    for refused in (
        client.ask(tokens.revoke, tokens.RevokeToken(personal.id), other),
        client.ask(tokens.revoke, tokens.RevokeToken(for_bot.id), owner),  # it is the bot's, not one's own
        client.ask(bots.revoke_token, bots.RevokeBotToken(bot.id, personal.id), owner),
        client.ask(bots.revoke_token, bots.RevokeBotToken(owner.user_id, personal.id), owner),
    ):
        assert await code_of(refused) is ErrorCode.NOT_FOUND
    assert len(await look_up(client, personal, for_bot)) == 2


async def test_a_token_ends_by_itself_on_its_day(client: Client, engine: AsyncEngine):
    _, owner = await client.register_claims()
    made = await make_token(client, owner, expires_in_days=1)
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.api_tokens SET expires_at = now() WHERE id = :id"), {"id": made.id}
        )
    assert await look_up(client, made) == []
    assert (await client.ask(tokens.list_tokens, Empty(), owner)).tokens == []


async def test_a_deleted_bot_is_deactivated_and_its_tokens_end(client: Client):
    _, owner = await client.register_claims()
    bot = await make_bot(client, owner)
    made = [await make_token(client, owner, bot) for _ in range(2)]
    before = (await client.revocations()).rev
    await client.ask(bots.delete, bots.OneBot(bot.id), owner)

    assert await look_up(client, *made) == []
    assert (await client.ask(bots.list_bots, Empty(), owner)).bots == []
    assert (await client.ask(users.get, users.GetUsers([bot.id]), owner)).users[0].deactivated
    rows = (await client.revocations(before)).rows
    assert {(row.kind, row.id) for row in rows} == {("login", each.id) for each in made} | {("user", bot.id)}
    assert await code_of(client.ask(bots.delete, bots.OneBot(bot.id), owner)) is ErrorCode.NOT_FOUND
    assert await code_of(make_token(client, owner, bot)) is ErrorCode.NOT_FOUND


async def test_with_the_owner_the_tokens_of_owner_and_bots_end(client: Client, engine: AsyncEngine):
    _, owner = await client.register_claims()
    _, other = await client.register_claims()
    bot = await make_bot(client, owner)
    personal, for_bot = await make_token(client, owner), await make_token(client, owner, bot)
    foreign = await make_token(client, other)
    before = (await client.revocations()).rev
    async with engine.begin() as connection:
        announced = await endings.deactivate(connection, owner.user_id)
    assert [each.id for each in await look_up(client, personal, for_bot, foreign)] == [foreign.id]
    rows = (await client.revocations(before)).rows
    assert {(row.kind, row.id) for row in rows[:-1]} == {("login", personal.id), ("login", for_bot.id)}
    # The hint is of the last row: a node that takes it sees the gap, and pulls the others at once.
    assert rows[-1] == announced
    assert await code_of(make_bot(client, owner)) is ErrorCode.FORBIDDEN
    assert await code_of(make_token(client, owner)) is ErrorCode.FORBIDDEN


async def test_a_bot_whose_owner_is_deactivated_is_refused_even_with_a_live_token(
    client: Client, engine: AsyncEngine
):
    _, owner = await client.register_claims()
    bot = await make_bot(client, owner)
    made = await make_token(client, owner, bot)
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.users SET deactivated_at = now() WHERE id = :id"), {"id": owner.user_id}
        )
    assert await look_up(client, made) == []


@pytest.mark.parametrize("way", ["reset", "changed"])
async def test_a_new_password_ends_one_s_own_tokens_and_leaves_the_bots_theirs(
    client: Client, engine: AsyncEngine, way: str
):
    _, owner = await client.register_claims()
    bot = await make_bot(client, owner)
    personal, for_bot = await make_token(client, owner), await make_token(client, owner, bot)
    before = (await client.revocations()).rev
    if way == "reset":
        async with engine.begin() as connection:
            await endings.change_password(connection, owner.user_id, "x")
    else:
        asked = passwords.ChangePassword(PASSWORD, "quite another pass phrase")
        await client.ask(passwords.change_password, asked, owner)
    assert [each.id for each in await look_up(client, personal, for_bot)] == [for_bot.id]
    assert personal.id in {row.id for row in (await client.revocations(before)).rows}


async def test_bots_and_tokens_are_made_only_by_who_has_lately_proved_who_they_are(
    client: Client, engine: AsyncEngine
):
    _, owner = await client.register_claims()
    bot = await make_bot(client, owner)
    made = await make_token(client, owner, bot)
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.logins SET created_at = created_at - interval '11 min' WHERE id = :id"),
            {"id": owner.login_id},
        )
    for refused in (make_bot(client, owner), make_token(client, owner), make_token(client, owner, bot)):
        assert await code_of(refused) is ErrorCode.FORBIDDEN
    # What only takes rights away never waits for a proof.
    await client.ask(bots.revoke_token, bots.RevokeBotToken(bot.id, made.id), owner)
    await client.ask(bots.delete, bots.OneBot(bot.id), owner)


async def test_who_calls_with_a_token_makes_no_tokens_even_past_the_gateway(client: Client):
    _, owner = await client.register_claims()
    made = await make_token(client, owner)
    by_token = Claims(owner.user_id, made.id, "member", "", "", 0.0, 2**40)
    assert await code_of(make_token(client, by_token)) is ErrorCode.FORBIDDEN
    assert await code_of(make_bot(client, by_token)) is ErrorCode.FORBIDDEN


@pytest.mark.parametrize("scopes", [["rooms:" + new_id()], ["rooms:" + new_id(), "rooms:" + new_id()]])
async def test_a_token_that_could_do_nothing_is_refused(client: Client, scopes: list[str]):
    _, owner = await client.register_claims()
    assert await code_of(make_token(client, owner, scopes=scopes)) is ErrorCode.INVALID_INPUT


async def test_what_matters_is_in_the_audit_log(client: Client, engine: AsyncEngine):
    _, owner = await client.register_claims()
    bot = await make_bot(client, owner)
    made = await make_token(client, owner, bot)
    await client.ask(bots.revoke_token, bots.RevokeBotToken(bot.id, made.id), owner)
    await client.ask(bots.delete, bots.OneBot(bot.id), owner)
    async with engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT action FROM auth.audit_log WHERE actor_id = :a AND subject_id = :s ORDER BY number"),
            {"a": owner.user_id, "s": bot.id},
        )
        assert rows.scalars().all() == ["bot.created", "token.created", "token.revoked", "bot.deleted"]


async def test_50_at_once_make_no_more_bots_and_tokens_than_one_may_have(client: Client):
    _, owner = await client.register_claims()
    codes = await asyncio.gather(*(code_of(make_bot(client, owner)) for _ in range(50)))
    assert codes.count(None) == 20
    assert set(codes) == {None, ErrorCode.CONFLICT}
    codes = await asyncio.gather(*(code_of(make_token(client, owner)) for _ in range(50)))
    assert codes.count(None) == 20
    assert set(codes) == {None, ErrorCode.CONFLICT}


async def test_revoking_and_deactivating_at_once_do_not_wait_for_each_other_for_ever(
    client: Client, engine: AsyncEngine
):
    _, owner = await client.register_claims()
    bot = await make_bot(client, owner)
    made = [await make_token(client, owner, bot) for _ in range(8)]

    async def deactivate() -> None:
        async with engine.begin() as connection:
            await endings.deactivate(connection, owner.user_id)

    revoking = [client.ask(bots.revoke_token, bots.RevokeBotToken(bot.id, each.id), owner) for each in made]
    deleting = client.ask(bots.delete, bots.OneBot(bot.id), owner)
    codes = await asyncio.gather(*map(code_of, (*revoking, deleting)), deactivate())
    assert set(codes) <= {None, ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN}
    assert await look_up(client, *made) == []


async def test_a_month_after_its_end_a_token_is_gone(client: Client, engine: AsyncEngine):
    _, owner = await client.register_claims()
    ended, live = await make_token(client, owner), await make_token(client, owner)
    await client.ask(tokens.revoke, tokens.RevokeToken(ended.id), owner)
    counted = "SELECT count(*) FROM auth.api_tokens WHERE user_id = :id"
    await upkeep.sweep(engine)
    assert await count_rows(engine, counted, id=owner.user_id) == 2
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.api_tokens SET ended_at = ended_at - interval '31 days' WHERE id = :id"),
            {"id": ended.id},
        )
    await upkeep.sweep(engine)
    assert await count_rows(engine, counted, id=owner.user_id) == 1
    assert len(await look_up(client, live)) == 1
