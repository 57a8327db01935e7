"""Profiles and people search; what other services ask about people."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.store import endings
from shared import calls
from shared.bus import Caller
from shared.contracts import internal, users
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.ids import new_id
from shared.tokens import Claims
from tests.integration.auth.client import Client, code_of


@pytest.fixture(scope="module")
async def caller(client: Client) -> Claims:
    """Somebody who asks."""
    return (await client.register_claims(username="zz.asker", display_name="Zz Asker"))[1]


async def find_all(client: Client, caller: Claims, q: str, limit: int) -> list[str]:
    """Follow the cursors to the end; return the user names."""
    names: list[str] = []
    cursor: str | None = None
    while True:
        page = await client.ask(users.search, users.SearchUsers(q, limit, cursor), caller)
        assert len(page.users) <= limit
        names += [user.username for user in page.users]
        cursor = page.next_cursor
        if cursor is None:
            return names


async def test_search_finds_the_start_of_either_name_in_any_case_page_by_page(client: Client, caller: Claims):
    people = [
        ("quill1", "Anna"),
        ("anton", "Bob"),
        ("quill2", "ANNABEL"),
        ("quill3", "Ännchen"),
        ("quill4", "Joanna"),
    ]
    for username, display_name in people:
        await client.register(username=username, display_name=display_name)
    for limit in (1, 2, 50):
        assert await find_all(client, caller, "aN", limit) == ["quill1", "quill2", "anton"]
        assert await find_all(client, caller, "QUILL", limit) == ["quill1", "quill2", "quill4", "quill3"]
    assert await find_all(client, caller, "ä", 10) == ["quill3"]


async def test_an_empty_query_lists_everybody_active_by_name(
    client: Client, caller: Claims, engine: AsyncEngine
):
    gone = await client.register(username="aa.gone", display_name="Aa Gone")
    async with engine.begin() as connection:
        await endings.deactivate(connection, gone.user.id)
    everybody = await find_all(client, caller, "", 3)
    assert "aa.gone" not in everybody
    assert "zz.asker" in everybody
    assert len(everybody) == len(set(everybody))


async def test_search_finds_each_word_of_a_display_name(client: Client, caller: Claims):
    for username, display_name in [
        ("amazing", "Grace Hopper"),
        ("ghost", "Hop  Grace O'Neil"),
        ("other", "Gracehopper"),
    ]:
        await client.register(username=username, display_name=display_name)
    for q, found in {
        "hopper": ["amazing"],
        "HOP": ["amazing", "ghost"],
        "hop gra": ["amazing", "ghost"],
        "race": [],
        "hopper x": [],
        "o'n": ["ghost"],
    }.items():
        assert await find_all(client, caller, q, 1) == found


@pytest.mark.parametrize("wild", ["%", "_", "\\", "'", ":*", "zz%", "z_", "zz & asker", "asker' | 'zz"])
async def test_wildcards_are_letters_like_any_other(client: Client, caller: Claims, wild: str):
    assert await find_all(client, caller, wild, 10) == []


async def test_people_of_one_display_name_are_all_listed(client: Client, caller: Claims):
    for number in range(5):
        await client.register(username=f"same{number}", display_name="Same Name")
    assert await find_all(client, caller, "same n", 2) == [f"same{number}" for number in range(5)]


@pytest.mark.parametrize("cursor", ["abc", "AAAA", "bnVsbA==", "WzEsMl0="])
async def test_a_made_up_cursor_is_refused(client: Client, caller: Claims, cursor: str):
    with pytest.raises(ChatError) as refused:
        await client.ask(users.search, users.SearchUsers("", 10, cursor), caller)
    assert refused.value.code is ErrorCode.INVALID_INPUT
    assert refused.value.body.details["fields"][0]["path"] == "cursor"


async def test_profiles_come_in_the_order_asked_without_the_unknown(client: Client, caller: Claims):
    ids = [(await client.register()).user.id for _ in range(3)]
    asked = users.GetUsers([ids[2], new_id(), ids[0], ids[1], ids[0]])
    assert [user.id for user in (await client.ask(users.get, asked, caller)).users] == [
        ids[2],
        ids[0],
        ids[1],
    ]


async def test_a_public_profile_holds_nothing_private(client: Client, caller: Claims):
    registered = await client.register(email="private@mail.example")
    raw = await client.bus.request(
        users.get.subject,
        b'{"ids":["%s"]}' % registered.user.id.encode(),
        caller=Caller(caller.user_id, caller.login_id, caller.role, "192.0.2.1"),
        timeout_s=20,
    )
    assert b"private" not in raw
    assert b"timezone" not in raw


async def test_update_me_changes_what_is_named_and_keeps_the_rest(client: Client):
    _, claims = await client.register_claims(display_name="Before")
    changed = await client.ask(
        users.update_me, users.UpdateMe(bio="Hello", locale="pt-BR", timezone="Europe/Berlin"), claims
    )
    assert (changed.display_name, changed.bio) == ("Before", "Hello")
    assert (changed.locale, changed.timezone) == ("pt-BR", "Europe/Berlin")
    changed = await client.ask(users.update_me, users.UpdateMe(display_name="After", timezone=None), claims)
    assert (changed.display_name, changed.bio, changed.timezone) == ("After", "Hello", None)
    assert await client.ask(users.me, Empty(), claims) == changed
    assert await client.ask(users.update_me, users.UpdateMe(), claims) == changed
    assert changed.username in await find_all(client, claims, "after", 10)


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "europe/berlin", "../etc/passwd", "Europe"])
async def test_a_time_zone_must_exist(client: Client, caller: Claims, timezone: str):
    changed = client.ask(users.update_me, users.UpdateMe(timezone=timezone), caller)
    assert await code_of(changed) is ErrorCode.INVALID_INPUT


async def test_other_services_learn_who_is_known_and_active(client: Client, engine: AsyncEngine):
    active, gone = await client.register(), await client.register()
    async with engine.begin() as connection:
        await endings.deactivate(connection, gone.user.id)
    asked = internal.UserIds([gone.user.id, new_id(), active.user.id])
    known = await calls.call(client.bus, internal.KNOWN_USERS, asked, internal.KnownUsers)
    assert known.user_ids == [active.user.id]
    profiles = await calls.call(client.bus, internal.PROFILES, asked, internal.Profiles)
    assert [(me.id, me.deactivated) for me in profiles.users] == [
        (gone.user.id, True),
        (active.user.id, False),
    ]


async def test_search_of_many_people_is_served_by_indexes(client: Client, engine: AsyncEngine):
    async with engine.connect() as connection:
        await connection.execute(
            text(
                "INSERT INTO auth.users (id, username, display_name, display_key, role, bio, email_verified,"
                " created_at) SELECT gen_random_uuid(), 'crowd' || md5(n::text), 'x', md5((n + 1)::text),"
                " 'member', '', false, now() FROM generate_series(1, 5000) AS numbers (n)"
            )
        )
        await connection.execute(text("ANALYZE auth.users"))
        plan = await connection.execute(
            text(
                "EXPLAIN SELECT id FROM auth.users WHERE deactivated_at IS NULL"
                " AND (display_key ^@ 'abc' OR username ^@ 'abc'"
                " OR array_to_tsvector(array_remove(string_to_array(display_key, ' '), '')) "
                " @@ 'abc:*'::tsquery)"
                " ORDER BY display_key, username LIMIT 51"
            )
        )
        lines = "\n".join(plan.scalars())
        await connection.rollback()
    assert "Seq Scan" not in lines
    assert "users_by_name" in lines
    assert "users_username_key" in lines
    assert "users_by_words" in lines
