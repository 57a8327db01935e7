"""`chatcraft admin`: finds the database of a running ChatCraft, of a resting one, or the one of a URL."""

import asyncio
import signal
from pathlib import Path

import httpx2
import pytest

from tests.up_process import COMMAND, UpProcess, run_program
from tests.wire import AT_ONCE_S, WAIT_S, People, Refused, read


async def admin(data_dir: Path, *arguments: str, env: dict[str, str] | None = None) -> tuple[int, list[str]]:
    return await run_program(COMMAND, "admin", *arguments, "--data-dir", str(data_dir), env=env)


async def test_it_works_beside_a_running_chatcraft_and_on_its_data_at_rest(tmp_path):
    data_dir = tmp_path / "data"
    async with UpProcess(data_dir) as up:
        await up.wait_ready()
        code, [line] = await admin(data_dir, "verify")
        assert (code, line) == (0, "0 rooms with 0 changes and 0 users: nothing is wrong.")
        code, [line] = await admin(data_dir, "new-epoch")
        assert code == 0
        assert line.startswith("The epoch is ")
        up.process.send_signal(signal.SIGINT)
        assert await up.wait_end() == 0
    code, lines = await admin(data_dir, "verify")
    assert (code, lines[-1]) == (0, "0 rooms with 0 changes and 0 users: nothing is wrong.")
    code, [again] = await admin(data_dir, "new-epoch")
    assert int(again.split()[3]) > int(line.split()[3])


async def test_a_url_comes_first_and_a_server_that_is_not_there_is_named(tmp_path, fresh_database):
    code, lines = await admin(tmp_path / "none", "verify", env={"CHATCRAFT_DATABASE_URL": fresh_database})
    assert code == 0, lines
    code, lines = await admin(
        tmp_path / "none",
        "verify",
        env={"CHATCRAFT_DATABASE_URL": "postgresql://a:secret-word@127.0.0.1:1/x"},
    )
    assert code == 1
    assert "127.0.0.1:1" in lines[-1]
    assert "secret-word" not in lines[-1]


async def test_where_there_is_no_data_nothing_is_made(tmp_path):
    code, lines = await admin(tmp_path / "none", "verify")
    assert (code, len(lines)) == (1, 1)
    assert "there is no data" in lines[0]
    assert not (tmp_path / "none").exists()


async def test_an_unmigrated_database_is_explained(tmp_path, databases):
    empty = {"CHATCRAFT_DATABASE_URL": await databases.create_empty()}
    code, lines = await admin(tmp_path, "verify", env=empty)
    assert (code, lines) == (1, ["the database is not migrated: run python -m shared.migrate"])


async def test_the_first_administrator_is_made_and_what_ends_access_closes_sockets_at_once(
    tmp_path, fresh_database
):
    data_dir = tmp_path / "data"
    async with UpProcess(data_dir, "--gateways", "2") as up, httpx2.AsyncClient(timeout=WAIT_S) as http:
        url = await up.wait_ready()
        folk = People([url], http)
        anna, bert = await folk.register("anna"), await folk.register("bert")
        async with anna.socket() as socket:
            assert (await admin(data_dir, "promote", anna.user["username"]))[0] == 0
            assert await socket.wait_closed(AT_ONCE_S) == 4003
        asked = {"refresh_token": anna.tokens["refresh_token"]}
        anna.tokens = read(await http.post(f"{url}/api/v1/auth/refresh", json=asked))["tokens"]
        shown = await anna.rest("GET", "/admin/users")
        assert {user["id"] for user in shown["users"]} == {anna.id, bert.id}
        for command, code in (("end-logins", 4500), ("deactivate", 4503)):
            person = await folk.register(command)
            sockets = [person.socket() for _ in range(4)]  # some on either gateway, most likely
            opened = [await each.__aenter__() for each in sockets]
            assert (await admin(data_dir, command, person.user["username"]))[0] == 0
            async with asyncio.timeout(AT_ONCE_S):
                assert [await each.wait_closed() for each in opened] == [code] * 4
            with pytest.raises(Refused) as refused:
                await person.rest("GET", "/users/me")
            assert refused.value.status == 401
            for each in sockets:
                await each.__aexit__(None, None, None)
        code, lines = await admin(data_dir, "rotate-keys")
        assert (code, "is published and signs from" in lines[0]) == (0, True)
        up.process.send_signal(signal.SIGINT)
        assert await up.wait_end() == 0
    # What it has is not for the database of another deployment.
    other = {"CHATCRAFT_DATABASE_URL": fresh_database}
    code, lines = await admin(data_dir, "rotate-keys", env=other)
    assert (code, lines) == (1, ["CHATCRAFT_SECRET_KEY: Field required"])
    # At rest, the same directory has all that it takes.
    code, lines = await admin(data_dir, "reseal")
    assert (code, lines) == (0, ["2 keys are sealed under CHATCRAFT_SECRET_KEY now."])
    code, lines = await admin(data_dir, "verify-audit")
    assert (code, lines[-1].endswith("entries: nothing is wrong.")) == (0, True)


@pytest.mark.parametrize("name", ["--admin", "-x", "a b", "\U0001f680"])
async def test_a_name_that_looks_like_an_option_is_a_name(tmp_path, fresh_database, name):
    database = {"CHATCRAFT_DATABASE_URL": fresh_database}
    code, lines = await run_program(COMMAND, "admin", "promote", "--", name, env=database)
    assert (code, lines) == (1, [f"there is no user {name!r}"])


async def test_what_is_typed_reaches_the_command(fresh_database):
    database = {"CHATCRAFT_DATABASE_URL": fresh_database}
    code, lines = await run_program(
        COMMAND, "admin", "repeat-erasures", "-", env=database, typed="nonsense\n"
    )
    assert (code, lines) == (1, ["line 1 is not one of what list-erasures prints"])
    nobody = ("erase", "--messages", "anonymise", "--", "nobody.here")
    code, lines = await run_program(COMMAND, "admin", *nobody, env=database, typed="nobody.here\n")
    assert (code, lines) == (1, ["there is no user 'nobody.here'"])
