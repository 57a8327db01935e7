"""Proving once more that it is you, and a first password of one's own, for people of a directory."""

from collections.abc import AsyncIterator, Callable
from itertools import count

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus import Bus
from shared.contracts import factors, identities, passwords, privacy
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.tokens import Claims
from tests.authenticator import Authenticator
from tests.directory import RunningDirectory, run_directory
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import PASSWORD, Client, code_of
from tests.integration.auth.factors import Owner, add_passkey, age_login, read_clock
from tests.integration.auth.service import run_auth
from tests.integration.auth.test_ldap import BY_NAME, SECRET, describe
from tests.integration.auth.test_step_up import may_change, methods_due, step_up

MFA_FAILED = ErrorCode.MFA_FAILED
_numbers = count(1)


@pytest.fixture(scope="module")
async def directory(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningDirectory]:
    async with run_directory(tmp_path_factory.mktemp("ldap")) as running:
        yield running


@pytest.fixture(scope="module")
async def client(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, directory: RunningDirectory
) -> AsyncIterator[Client]:
    """An auth service that asks the directory."""
    async with run_auth(database_url, nats_url("auth"), **describe(directory, **BY_NAME)):
        yield Client(bus)


@pytest.fixture
def unique() -> str:
    """What makes a name one that nobody had before."""
    return str(next(_numbers))


@pytest.fixture
async def stale(client: Client, engine: AsyncEngine, directory: RunningDirectory, unique: str) -> Claims:
    """A person of the directory, `ada-<unique>`, whose login began eleven minutes ago."""
    await directory.put_person(f"ada-{unique}", SECRET)
    claims = await client.verify((await client.login(f"ada-{unique}", SECRET)).tokens)
    await age_login(engine, claims)
    return claims


async def test_the_password_of_the_directory_proves_it(client: Client, engine: AsyncEngine, stale: Claims):
    assert await methods_due(client, stale) == ["password"]
    assert await step_up(client, stale, password="a wrong pass phrase") is MFA_FAILED
    assert not await may_change(client, stale)
    assert await step_up(client, stale, password=SECRET) is None
    await add_passkey(client, stale, Authenticator())
    [failed] = await list_recorded(engine, "login.proof_failed", stale.user_id)
    [proved] = await list_recorded(engine, "login.proved", stale.user_id)
    assert (failed.details, proved.details) == ({"method": "password"}, {"method": "password"})


async def test_who_has_proved_it_may_turn_totp_on_and_needs_a_code_from_then_on(
    client: Client, engine: AsyncEngine, stale: Claims
):
    assert await step_up(client, stale, password=SECRET) is None
    begun = await client.ask(factors.begin_totp, Empty(), stale)
    owner = Owner("", stale, begun.secret, [])
    confirm = factors.ConfirmTotp(owner.code(await read_clock(engine)))
    await client.ask(factors.confirm_totp, confirm, stale)
    await age_login(engine, stale)
    assert await step_up(client, stale, password=SECRET) is ErrorCode.FORBIDDEN
    code = owner.code(await read_clock(engine), 1)
    assert await step_up(client, stale, password="a wrong pass phrase", code=code) is MFA_FAILED
    assert await step_up(client, stale, password=SECRET, code=code) is None  # it was not used up
    assert await may_change(client, stale)


async def test_who_has_proved_it_may_erase_their_account(client: Client, stale: Claims):
    erase = client.ask(privacy.erase_me, privacy.EraseMe("erase"), stale)
    assert await code_of(erase) is ErrorCode.FORBIDDEN
    assert await step_up(client, stale, password=SECRET) is None
    assert await code_of(client.ask(privacy.erase_me, privacy.EraseMe("erase"), stale)) is None


async def test_an_account_that_is_not_the_directorys_is_no_place_to_guess_at_one_there(
    client: Client, engine: AsyncEngine, directory: RunningDirectory, unique: str
):
    """Somebody from elsewhere has the name that somebody else has in the directory."""
    _, claims = await client.register_claims(username=f"bob-{unique}")
    await directory.put_person(f"bob-{unique}", SECRET)
    async with engine.begin() as connection:
        gone = text("UPDATE auth.users SET password_hash = NULL WHERE id = :id")
        await connection.execute(gone, {"id": claims.user_id})
    await age_login(engine, claims)
    assert await step_up(client, claims, password=SECRET) is MFA_FAILED
    assert await methods_due(client, claims) == []


async def test_who_got_ones_name_there_proves_nothing_here(
    client: Client, directory: RunningDirectory, stale: Claims, unique: str
):
    await directory.rename(f"ada-{unique}", f"lady-{unique}")
    await directory.put_person(f"ada-{unique}", "another pass phrase")
    assert await step_up(client, stale, password="another pass phrase") is MFA_FAILED
    assert not await may_change(client, stale)
    # Under the new name one signs in anew, which proves as much.
    again = await client.verify((await client.login(f"lady-{unique}", SECRET)).tokens)
    assert again.user_id == stale.user_id
    assert await may_change(client, again)


async def test_where_the_directory_is_theirs_no_more_its_password_proves_nothing(
    client: Client, stale: Claims
):
    assert await step_up(client, stale, password=SECRET) is None
    await add_passkey(client, stale, Authenticator())
    [shown] = (await client.ask(identities.list_identities, Empty(), stale)).identities
    await client.ask(identities.remove_identity, identities.RemoveIdentity(shown.id), stale)
    assert await step_up(client, stale, password=SECRET) is MFA_FAILED


async def test_while_the_directory_is_away_it_is_said_and_a_password_here_is_good(
    client: Client, engine: AsyncEngine, directory: RunningDirectory, stale: Claims
):
    _, local = await client.register_claims()
    await age_login(engine, local)
    await directory.stop()
    try:
        assert await step_up(client, stale, password=SECRET) is ErrorCode.UNAVAILABLE
        assert await step_up(client, local, password="a wrong pass phrase") is MFA_FAILED
        assert await step_up(client, local, password=PASSWORD) is None
    finally:
        await directory.start()
    assert await step_up(client, stale, password=SECRET) is None


async def test_a_first_password_takes_the_place_of_the_directorys(client: Client, stale: Claims, unique: str):
    first = client.ask(passwords.set_password, passwords.SetPassword(PASSWORD), stale)
    assert await code_of(first) is ErrorCode.FORBIDDEN
    assert await step_up(client, stale, password=SECRET) is None
    await client.ask(passwords.set_password, passwords.SetPassword(PASSWORD), stale)
    assert (await client.login(f"ada-{unique}", PASSWORD)).user.id == stale.user_id
    assert await code_of(client.login(f"ada-{unique}", SECRET)) is ErrorCode.UNAUTHENTICATED
    assert await step_up(client, stale, password=SECRET) is MFA_FAILED
    assert await step_up(client, stale, password=PASSWORD) is None
