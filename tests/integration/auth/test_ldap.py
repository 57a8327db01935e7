"""Signing in with the password of a directory: OpenLDAP, a process of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.ldap.directory import Directory
from services.auth.ldap.settings import read_directory
from shared.bus import Bus
from shared.contracts import factors, identities, proving
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from tests.directory import ADMINS, BASE, PEOPLE, ROOT_DN, ROOT_PASSWORD, RunningDirectory, run_directory
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import PASSWORD, Client, code_of
from tests.integration.auth.factors import Owner, read_clock
from tests.integration.auth.oidc import give_email, read_role
from tests.integration.auth.service import run_auth

UNAUTHENTICATED = ErrorCode.UNAUTHENTICATED
SECRET = "a pass phrase of the directory"
BY_NAME = {"user_dn": f"uid={{username}},{PEOPLE}"}
BY_SEARCH = {"base": BASE, "search_dn": ROOT_DN, "search_password": ROOT_PASSWORD}


def describe(directory: RunningDirectory, **given: Any) -> dict[str, Any]:
    """Return the settings of an auth service with this directory."""
    usual = {
        "url": directory.url,
        "name": "Corp",
        "admin_groups": [ADMINS.upper()],
        "emails_are_verified": True,
    }
    return {"auth_ldap": json.dumps(usual | given)}


@pytest.fixture(scope="module")
async def directory(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningDirectory]:
    async with run_directory(tmp_path_factory.mktemp("ldap")) as running:
        yield running


@pytest.fixture(scope="module", params=[BY_NAME, BY_SEARCH], ids=["by name", "by search"])
async def client(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, directory: RunningDirectory,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Client]:  # fmt: skip
    """An auth service that asks the directory."""
    async with run_auth(database_url, nats_url("auth"), **describe(directory, **request.param)):
        yield Client(bus)


@pytest.fixture(scope="module")
def name(client: Client, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Make a name that nobody had in the round before."""
    numbers: dict[str, str] = {}
    return lambda base: numbers.setdefault(base, f"{base}-{id(client) % 100_000}")


async def message_of(work: Any) -> tuple[ErrorCode, str]:
    with pytest.raises(ChatError) as refused:
        await work
    return refused.value.code, refused.value.body.message


async def test_who_is_new_gets_an_account_and_has_it_from_then_on(
    client: Client, engine: AsyncEngine, directory: RunningDirectory, name: Callable[[str], str]
):
    ada = name("ada")
    await directory.put_person(ada, SECRET, cn="Ada Lovelace", mail=f"{ada}@corp.example")
    first = await client.login(ada, SECRET)
    assert (first.user.username, first.user.display_name, first.user.role) == (ada, "Ada Lovelace", "member")
    again = await client.login(ada.upper(), SECRET)
    assert again.user.id == first.user.id
    claims = await client.verify(first.tokens)
    assert not (await client.ask(factors.list_factors, Empty(), claims)).has_password
    [shown] = (await client.ask(identities.list_identities, Empty(), claims)).identities
    assert (shown.provider_id, shown.provider_name) == ("ldap", "Corp")
    assert shown.last_used_at is not None
    remove = identities.RemoveIdentity(shown.id)
    assert await code_of(client.ask(identities.remove_identity, remove, claims)) is ErrorCode.CONFLICT
    async with engine.connect() as connection:
        found = text("SELECT email, email_verified FROM auth.users WHERE id = :id")
        row = (await connection.execute(found, {"id": first.user.id})).one()
    assert row == (f"{ada}@corp.example", True)
    assert len(await list_recorded(engine, "user.created", first.user.id)) == 1


async def test_whatever_is_wrong_the_answer_is_one(
    client: Client, directory: RunningDirectory, name: Callable[[str], str]
):
    known, local = name("known"), (await client.register()).user.username
    await directory.put_person(known, SECRET)
    answers = [
        await message_of(client.login(known, "a wrong pass phrase")),
        await message_of(client.login(name("nobody"), SECRET)),
        await message_of(client.login(local, "a wrong pass phrase")),
        await message_of(client.login(f"{known}@corp.example", SECRET)),
        await message_of(client.login("*", SECRET)),
    ]
    assert len(set(answers)) == 1
    assert answers[0][0] is UNAUTHENTICATED


async def test_who_has_a_password_here_is_never_asked_for_there(
    client: Client, directory: RunningDirectory, name: Callable[[str], str]
):
    both = name("both")
    user = (await client.register(username=both)).user
    await directory.put_person(both, SECRET)
    assert await code_of(client.login(both, SECRET)) is UNAUTHENTICATED
    assert (await client.login(both, PASSWORD)).user.id == user.id


async def test_an_account_of_the_same_name_from_elsewhere_is_not_theirs(
    client: Client, engine: AsyncEngine, directory: RunningDirectory, name: Callable[[str], str]
):
    """It came from an import or a provider: a name alone shows nothing."""
    namesake = name("namesake")
    user = (await client.register(username=namesake)).user
    async with engine.begin() as connection:
        gone = text("UPDATE auth.users SET password_hash = NULL WHERE id = :id")
        await connection.execute(gone, {"id": user.id})
    await directory.put_person(namesake, SECRET)
    assert await code_of(client.login(namesake, SECRET)) is UNAUTHENTICATED


async def test_an_account_is_known_by_its_id_there_not_by_its_name(
    client: Client, directory: RunningDirectory, name: Callable[[str], str]
):
    old, new = name("miss"), name("mrs")
    await directory.put_person(old, SECRET)
    first = await client.login(old, SECRET)
    await directory.rename(old, new)
    assert (await client.login(new, SECRET)).user.id == first.user.id
    # Whoever gets the old name is somebody else, and that name is taken here.
    await directory.put_person(old, "another pass phrase")
    assert await code_of(client.login(old, "another pass phrase")) is UNAUTHENTICATED


async def test_an_address_of_somebody_here_stays_with_them(
    client: Client, engine: AsyncEngine, directory: RunningDirectory, name: Callable[[str], str]
):
    owner, taker = (await client.register()).user, name("taker")
    await give_email(engine, owner.id, f"{taker}@corp.example")
    await directory.put_person(taker, SECRET, mail=f"{taker}@corp.example")
    signed_in = await client.login(taker, SECRET)
    assert signed_in.user.id != owner.id
    async with engine.connect() as connection:
        found = text("SELECT email FROM auth.users WHERE id = :id")
        assert await connection.scalar(found, {"id": signed_in.user.id}) is None


async def test_groups_decide_the_role_at_each_sign_in(
    client: Client, engine: AsyncEngine, directory: RunningDirectory, name: Callable[[str], str]
):
    boss, deputy = name("boss"), name("deputy")
    for uid in (boss, deputy):
        await directory.put_person(uid, SECRET)
    await directory.set_admins(boss, deputy)
    assert (await client.login(deputy, SECRET)).user.role == "admin"
    first = await client.login(boss, SECRET)
    assert first.user.role == "admin"
    await directory.set_admins(deputy)
    assert (await client.login(boss, SECRET)).user.role == "member"
    assert ("role", first.user.id) in [(row.kind, row.id) for row in (await client.revocations()).rows]
    assert await read_role(engine, first.user.id) == "member"


async def test_who_is_deactivated_here_stays_out(
    client: Client, engine: AsyncEngine, directory: RunningDirectory, name: Callable[[str], str]
):
    gone = name("gone")
    await directory.put_person(gone, SECRET)
    user = (await client.login(gone, SECRET)).user
    async with engine.begin() as connection:
        out = text("UPDATE auth.users SET deactivated_at = now() WHERE id = :id")
        await connection.execute(out, {"id": user.id})
    assert await code_of(client.login(gone, SECRET)) is UNAUTHENTICATED


async def test_a_second_factor_is_still_due(
    client: Client, engine: AsyncEngine, directory: RunningDirectory, name: Callable[[str], str]
):
    careful = name("careful")
    await directory.put_person(careful, SECRET)
    claims = await client.verify((await client.login(careful, SECRET)).tokens)
    begun = await client.ask(factors.begin_totp, Empty(), claims)
    owner = Owner(careful, claims, begun.secret, [])
    await client.ask(factors.confirm_totp, factors.ConfirmTotp(owner.code(await read_clock(engine))), claims)
    reply = await client.login(careful, SECRET)
    assert reply.tokens is None
    assert reply.mfa_token is not None
    code = owner.code(await read_clock(engine), 1)
    signed_in = await client.ask(proving.login_totp, proving.TotpLogin(reply.mfa_token, code))
    assert signed_in.user.id == claims.user_id


async def test_of_many_first_sign_ins_at_once_one_account_is_made(
    client: Client, engine: AsyncEngine, directory: RunningDirectory, name: Callable[[str], str]
):
    eager = name("eager")
    await directory.put_person(eager, SECRET)
    signed_in = await asyncio.gather(*(client.login(eager, SECRET) for _ in range(20)))
    assert len({each.user.id for each in signed_in}) == 1
    assert len(await list_recorded(engine, "user.created", signed_in[0].user.id)) == 1


@pytest.mark.parametrize("login", ["*", "a*", "(uid=*)", "x)(uid=*", "x,ou=people", "x\\2a", "uid=x", "Ä"])
async def test_a_name_is_never_part_of_a_filter_or_a_dn(client: Client, login: str):
    assert await code_of(client.login(login, SECRET)) is UNAUTHENTICATED


@pytest.mark.parametrize("way", [BY_NAME, BY_SEARCH], ids=["by name", "by search"])
async def test_the_directory_itself_takes_no_empty_password_and_no_wildcard(
    directory: RunningDirectory, way: dict[str, Any]
):
    """Below the command, whose fields would not let them through."""
    await directory.put_person(f"odd, *()\\ {len(way)}", SECRET)
    settings = read_directory(json.dumps({"url": directory.url, **way}))
    assert settings is not None
    asked = Directory(settings)
    try:
        found = await asked.authenticate(f"odd, *()\\ {len(way)}", SECRET)
        assert found is not None
        assert found.role is None
        for username, password in (
            (f"odd, *()\\ {len(way)}", ""),
            ("*", SECRET),
            ("odd*", SECRET),
            (f"nobody)(uid=odd, *()\\ {len(way)}", SECRET),
        ):
            assert await asked.authenticate(username, password) is None
    finally:
        asked.close()
