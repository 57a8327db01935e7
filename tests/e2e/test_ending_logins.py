"""Logins that are ended from elsewhere, by their user or an administrator, are over on every node at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import asyncpg
import httpx2
import pytest

from tests.stack import Stack
from tests.wire import AT_ONCE_S, PASSWORD, People, Person, Refused, Socket, read


async def sign_in_again(person: Person, node: str) -> Person:
    """Return the same user with another login, on a node."""
    body = {"login": person.user["username"], "password": PASSWORD}
    signed_in = read(await person.http.post(f"{node}/api/v1/auth/login", json=body))
    return replace(person, url=node, tokens=signed_in["tokens"])


@pytest.fixture
async def boss(stack: Stack, people: People, http: httpx2.AsyncClient) -> AsyncIterator[Person]:
    """An administrator, at home on the first node; a member again afterwards, so that tests stay apart."""
    member = await people.register("boss")
    database = await asyncpg.connect(stack.endpoints.database_url)
    await database.execute("UPDATE auth.users SET role = 'admin' WHERE id = $1", member.id)
    yield await sign_in_again(member, member.url)
    await database.execute("UPDATE auth.users SET role = 'member' WHERE id = $1", member.id)
    await database.close()


async def wait_all_closed(sockets: list[Socket], code: int) -> None:
    async with asyncio.timeout(AT_ONCE_S):
        assert [await socket.wait_closed() for socket in sockets] == [code] * len(sockets)


async def test_ending_all_other_logins_closes_their_sockets_on_every_node_and_keeps_ones_own(
    stack: Stack, anna: Person, bert: Person
):
    elsewhere = [await sign_in_again(anna, url) for url in stack.gateway_urls]
    async with AsyncExitStack() as opened, anna.socket() as own, bert.socket() as bystander:
        others = [await opened.enter_async_context(person.socket()) for person in elsewhere]
        assert await anna.rest("POST", "/auth/logins/revoke-others") == {"count": 2}
        await wait_all_closed(others, 4500)
        assert await own.call("users.me")
        assert await bystander.call("users.me")
    for person in elsewhere:
        with pytest.raises(Refused) as refused:
            await person.rest("GET", "/users/me")
        assert refused.value.status == 401


@pytest.mark.parametrize(
    ("door", "body", "code"),
    [
        ("DELETE logins", None, 4500),
        ("POST deactivate", None, 4503),
        ("PUT role", {"role": "admin"}, 4003),
    ],
)
async def test_what_an_administrator_ends_is_over_on_every_node_at_once(
    people: People, boss: Person, door: str, body: Any, code: int
):
    person = await people.register("carl")
    method, what = door.split()
    async with AsyncExitStack() as opened, boss.socket() as own:
        sockets = [await opened.enter_async_context(person.socket(url)) for url in people.urls]
        await boss.rest(method, f"/admin/users/{person.id}/{what}", body)
        await wait_all_closed(sockets, code)
        assert await own.call("users.me")
    for url in people.urls:
        with pytest.raises(Refused) as refused:
            await replace(person, url=url).rest("GET", "/users/me")
        assert refused.value.status == 401
    await boss.rest("PUT", f"/admin/users/{person.id}/role", {"role": "member"})


async def test_an_administrator_who_is_demoted_is_none_with_the_token_they_still_have(
    stack: Stack, people: People, boss: Person
):
    other = await people.register("other")
    await boss.rest("PUT", f"/admin/users/{other.id}/role", {"role": "admin"})
    other = await sign_in_again(other, stack.gateway_urls[1])
    assert (await other.rest("GET", "/admin/users?role=admin"))["users"]
    await boss.rest("PUT", f"/admin/users/{other.id}/role", {"role": "member"})
    with pytest.raises(Refused) as refused:
        await other.rest("GET", "/admin/users")
    assert refused.value.status in {401, 403}
    other = await sign_in_again(other, stack.gateway_urls[1])
    with pytest.raises(Refused) as refused:
        await other.rest("GET", "/admin/audit")
    assert (refused.value.status, refused.value.code) == (403, "forbidden")
    shown = await boss.rest("GET", f"/admin/audit?subject_id={other.id}&action=user")
    assert [(entry["action"], entry["details"]) for entry in shown["entries"]] == [
        ("user.role_changed", {"role": "member"}),
        ("user.role_changed", {"role": "admin"}),
    ]
    assert {entry["actor_id"] for entry in shown["entries"]} == {boss.id}
