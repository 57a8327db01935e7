"""A directory over TLS, away, or not set up well: who comes in then, and what the others are told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.operating import Operator
from shared.bus import Bus
from shared.contracts import auth, proving
from shared.contracts.errors import ErrorCode
from shared.lifecycle import StartupError
from tests.directory import OTHER_HOST, RunningDirectory, run_directory
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.service import run_auth
from tests.integration.auth.test_ldap import BY_NAME, BY_SEARCH, SECRET, UNAUTHENTICATED, describe


@pytest.fixture(scope="module")
async def directory(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningDirectory]:
    async with run_directory(tmp_path_factory.mktemp("ldap")) as running:
        yield running


@pytest.mark.parametrize("scheme", ["starttls_url", "ldaps_url"])
async def test_over_tls_the_certificate_is_checked(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, directory: RunningDirectory, scheme: str
):
    await directory.put_person(f"tls-{scheme.partition('_')[0]}", SECRET)
    url = getattr(directory, scheme)
    login = auth.PasswordLogin(f"tls-{scheme.partition('_')[0]}", SECRET)
    trusted = describe(directory, url=url, ca_file=str(directory.ca_file), **BY_NAME)
    async with run_auth(database_url, nats_url("auth"), **trusted):
        assert (await Client(bus).ask(auth.login, login)).user is not None
    unknown = describe(directory, url=url, **BY_NAME)
    async with run_auth(database_url, nats_url("auth"), **unknown):
        assert await code_of(Client(bus).ask(auth.login, login)) is ErrorCode.UNAVAILABLE
    other = url.replace("127.0.0.1", OTHER_HOST)
    misnamed = describe(directory, url=other, ca_file=str(directory.ca_file), **BY_NAME)
    async with run_auth(database_url, nats_url("auth"), **misnamed):
        assert await code_of(Client(bus).ask(auth.login, login)) is ErrorCode.UNAVAILABLE


async def test_while_the_directory_is_away_only_those_with_a_password_here_come_in(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, tmp_path: Path
):
    async with run_directory(tmp_path) as directory:
        await directory.put_person("away", SECRET)
        async with run_auth(database_url, nats_url("auth"), **describe(directory, **BY_SEARCH)):
            client = Client(bus)
            local = (await client.register()).user.username
            user = (await client.login("away", SECRET)).user
            await directory.stop()
            assert (await client.login(local)).user.username == local
            # All others get one answer: not even this tells who has which kind of account.
            for login in ("away", "nobody.at.all", local):
                wrong = client.login(login, "a wrong pass phrase")
                assert await code_of(wrong) is ErrorCode.UNAVAILABLE
            await directory.start()
            assert (await client.login("away", SECRET)).user.id == user.id


async def test_a_wrong_account_for_searching_is_our_fault_and_not_the_callers(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, directory: RunningDirectory
):
    wrong = describe(directory, **(BY_SEARCH | {"search_password": "another"}))
    async with run_auth(database_url, nats_url("auth"), **wrong):
        assert await code_of(Client(bus).login("whoever", SECRET)) is ErrorCode.UNAVAILABLE


async def test_nobody_new_comes_in_where_nobody_is_to(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, directory: RunningDirectory
):
    await directory.put_person("new-here", SECRET)
    settings = describe(directory, allow_registration=False, **BY_NAME)
    async with run_auth(database_url, nats_url("auth"), **settings):
        assert await code_of(Client(bus).login("new-here", SECRET)) is UNAUTHENTICATED


@pytest.mark.usefixtures("still_limits")
async def test_guesses_are_slowed_as_everywhere(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, directory: RunningDirectory
):
    await directory.put_person("guessed-at", SECRET)
    async with run_auth(database_url, nats_url("auth"), 1.0, **describe(directory, **BY_NAME)):
        client = Client(bus, "203.0.113.200")
        for login in ("guessed-at", "nobody-at-all"):
            codes = await asyncio.gather(*(code_of(client.login(login, "a wrong one")) for _ in range(15)))
            assert codes.count(UNAUTHENTICATED) == 10
            assert codes.count(ErrorCode.RATE_LIMITED) == 5


@pytest.mark.usefixtures("still_limits")
async def test_guesses_of_who_is_signed_in_are_slowed_with_those_at_the_door(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, directory: RunningDirectory
):
    await directory.put_person("left-alone", SECRET)
    async with run_auth(database_url, nats_url("auth"), 1.0, **describe(directory, **BY_NAME)):
        client = Client(bus, "203.0.113.201")
        claims = await client.verify((await client.login("left-alone", SECRET)).tokens)
        wrong = proving.StepUp(password="a wrong one")
        tries = (code_of(client.ask(proving.step_up, wrong, claims)) for _ in range(15))
        codes = await asyncio.gather(*tries)
        assert codes.count(ErrorCode.MFA_FAILED) == 10
        assert codes.count(ErrorCode.RATE_LIMITED) == 5
        assert await code_of(client.login("left-alone", SECRET)) is ErrorCode.RATE_LIMITED


async def test_a_ca_file_that_is_not_there_is_said_at_start(
    database_url: str, nats_url: Callable[[str], str], directory: RunningDirectory
):
    settings = describe(directory, url=directory.ldaps_url, ca_file="/nowhere/ca.pem", **BY_NAME)
    with pytest.raises(StartupError, match="CHATCRAFT_AUTH_LDAP: ca_file"):
        async with run_auth(database_url, nats_url("auth"), **settings):
            pass


async def test_a_directory_that_never_answers_is_given_up_within_the_time_of_a_command(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, directory: RunningDirectory
):
    silent = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    url = f"ldap://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, run_auth(database_url, nats_url("auth"), **describe(directory, url=url, **BY_NAME)):
        client = Client(bus)
        waiting = asyncio.gather(*(code_of(client.login(f"whoever{n}", SECRET)) for n in range(20)))
        # More than there are threads; and others are served meanwhile.
        assert (await client.register()).user is not None
        assert set(await asyncio.wait_for(waiting, 30)) == {ErrorCode.UNAVAILABLE}
        silent.set()


async def test_who_they_are_in_the_directory_outlives_a_reset_of_their_factors(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, engine: AsyncEngine,
    directory: RunningDirectory,
):  # fmt: skip
    await directory.put_person("forgetful", SECRET)
    async with run_auth(database_url, nats_url("auth"), **describe(directory, **BY_NAME)):
        client = Client(bus)
        user = (await client.login("forgetful", SECRET)).user
        assert await Operator(engine, lambda _line: None).reset_factors("forgetful")
        # While the one-time password is good, it is the one.
        assert await code_of(client.login("forgetful", SECRET)) is UNAUTHENTICATED
        async with engine.begin() as connection:
            over = text("UPDATE auth.users SET password_expires_at = now() WHERE id = :id")
            await connection.execute(over, {"id": user.id})
        assert (await client.login("forgetful", SECRET)).user.id == user.id
