"""Exports as the auth service makes them, page by page, for their owner alone."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.models import metadata
from services.auth.store import tombstones
from services.auth.store.own_data import SECTIONS
from shared import calls
from shared.contracts import bots, internal, privacy, tokens
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.ids import new_id
from tests.integration.auth.client import PASSWORD, Client, code_of
from tests.integration.auth.mailbox import DEADLINE_S
from tests.integration.auth.others import Others, download, make_stale, wait_export
from tests.wire import eventually

# Tables that refer to a user and are in no export: what they hold, and why not.
NOT_EXPORTED = {
    "refresh_tokens": "secrets, hashed",
    "recovery_codes": "secrets, hashed; how many are left stands with `totp`",
    "challenges": "what a passkey is asked to sign, for five minutes",
    "pending_logins": "secrets, hashed, for five minutes",
    "email_links": "secrets, hashed, to addresses that are in the profile, for a day at most",
    "mails": "what is about to be sent, sealed",
    "oidc_flows": "secrets, hashed, for ten minutes",
    "identity_tickets": "for ten minutes; what comes of them is in `identities`",
    "exports": "the exports themselves",
    "erasures": "of somebody who could not ask any more",
}


async def test_an_export_holds_what_every_service_knows_and_no_secret(client: Client, others: Others):
    person, by = await client.register_claims(display_name="Ada L.", email="ada@export.example")
    bot = await client.ask(bots.create, bots.CreateBot(f"bot-{new_id()[-12:]}", "Her bot"), by)
    await client.ask(bots.create_token, bots.CreateBotToken(bot.id, "on the server", ["read"]), by)
    await client.ask(tokens.create, tokens.CreateToken("mine", ["read"]), by)
    asked = await client.ask(privacy.request_export, Empty(), by)
    assert (asked.state, asked.size_bytes, asked.ready_at) == ("waiting", None, None)
    export = await wait_export(client, by)
    documents = await download(client, by, export.id)
    assert documents["about/0001.json"]["format"] == 1
    [profile] = documents["profile/0001.json"]["profile"]
    assert (profile["display_name"], profile["email"], profile["has_password"]) == (
        "Ada L.", "ada@export.example", True,
    )  # fmt: skip
    assert [each["id"] for each in documents["logins/0001.json"]["logins"]] == [by.login_id]
    assert [each["username"] for each in documents["bots/0001.json"]["bots"]] == [bot.username]
    assert {each["name"] for each in documents["tokens/0001.json"]["tokens"]} == {"on the server", "mine"}
    actions = [each["action"] for each in documents["audit/0001.json"]["audit"]]
    assert {"bot.created", "token.created", "export.requested"} <= set(actions)
    assert documents["presence/0001.json"]["text"] == "in the woods"
    named = [f"messages/{key}.json" for key in ("1/0001", "1/0002", "2/0001")]
    assert [documents[name]["messages"] for name in named] == [["page 0"], ["page 1"], ["page 2"]]
    [known] = documents["messages/1-people/0001.json"]["people"]
    assert known == {"id": person.user.id, "username": person.user.username, "display_name": "Ada L."}
    written = repr(documents)
    assert "hash" not in written.replace("has_password", "")
    assert PASSWORD not in written


def test_every_table_about_users_is_in_the_export_or_said_not_to_be():
    about_users = {table.name for table in metadata.sorted_tables if tombstones._list_owners(table)}
    read = {column.table.name for section in SECTIONS for column in section.columns.values()
            if getattr(column, "table", None) is not None}  # fmt: skip
    about_users |= {"users", "refresh_tokens"}
    assert about_users - read == set(NOT_EXPORTED)


async def test_an_export_is_its_owners_alone(client: Client, others: Others):
    _, by = await client.register_claims()
    _, other = await client.register_claims()
    await client.ask(privacy.request_export, Empty(), by)
    export = await wait_export(client, by)
    for refused in (
        download(client, other, export.id),
        calls.call(
            client.bus,
            internal.EXPORT_PART,
            internal.GetExportPart(other.user_id, export.id, 1),
            internal.ExportPart,
        ),
        client.ask(privacy.delete_export, privacy.OneExport(export.id), other),
    ):
        assert await code_of(refused) is ErrorCode.NOT_FOUND
    assert (await client.ask(privacy.list_exports, Empty(), other)).exports == []
    await download(client, by, export.id)
    await client.ask(privacy.delete_export, privacy.OneExport(export.id), by)
    assert await code_of(download(client, by, export.id)) is ErrorCode.NOT_FOUND


async def test_exports_want_a_fresh_proof_and_come_one_at_a_time(
    client: Client, others: Others, engine: AsyncEngine
):
    _, by = await client.register_claims()
    others.flows.clear()
    try:
        export = await client.ask(privacy.request_export, Empty(), by)
        asked = [code_of(client.ask(privacy.request_export, Empty(), by)) for _ in range(20)]
        assert set(await asyncio.gather(*asked)) == {ErrorCode.CONFLICT}
        await client.ask(privacy.delete_export, privacy.OneExport(export.id), by)
    finally:
        others.flows.set()
    again = [code_of(client.ask(privacy.request_export, Empty(), by)) for _ in range(20)]
    assert sorted(map(str, await asyncio.gather(*again))) == ["None", *["conflict"] * 19]
    await wait_export(client, by)
    await make_stale(engine, by)
    with pytest.raises(ChatError) as caught:
        await client.ask(privacy.request_export, Empty(), by)
    assert caught.value.body.details["reason"] == "step_up"


async def test_what_fails_meanwhile_is_tried_again_and_nothing_is_in_it_twice(client: Client, others: Others):
    _, by = await client.register_claims()
    others.fails = 2
    await client.ask(privacy.request_export, Empty(), by)
    export = await wait_export(client, by)
    documents = await download(client, by, export.id)
    assert len([name for name in documents if name.startswith("messages/") and "people" not in name]) == 3


async def test_the_export_of_somebody_who_is_deactivated_stops(
    client: Client, others: Others, engine: AsyncEngine
):
    _, by = await client.register_claims()
    others.flows.clear()
    try:
        export = await client.ask(privacy.request_export, Empty(), by)
        off = "UPDATE auth.users SET deactivated_at = now() WHERE id = :id"
        async with engine.begin() as connection:
            await connection.execute(text(off), {"id": by.user_id})
    finally:
        others.flows.set()

    async def has_failed() -> bool:
        query = """SELECT state = 'failed' AND NOT EXISTS (
            SELECT FROM auth.export_parts p WHERE p.export_id = e.id) FROM auth.exports e WHERE id = :id"""
        async with engine.connect() as connection:
            return bool(await connection.scalar(text(query), {"id": export.id}))

    await eventually(has_failed, DEADLINE_S)


async def test_a_ready_export_is_nobodys_once_its_owner_is_deactivated_or_its_time_is_over(
    client: Client, others: Others, engine: AsyncEngine
):
    for change in (
        "UPDATE auth.users SET deactivated_at = now() WHERE id = :user_id",
        "UPDATE auth.exports SET expires_at = now() WHERE user_id = :user_id",
    ):
        _, by = await client.register_claims()
        await client.ask(privacy.request_export, Empty(), by)
        export = await wait_export(client, by)
        assert export.expires_at is not None
        async with engine.begin() as connection:
            await connection.execute(text(change), {"user_id": by.user_id})
        assert await code_of(download(client, by, export.id)) is ErrorCode.NOT_FOUND
