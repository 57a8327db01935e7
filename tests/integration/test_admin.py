"""`chatcraft admin`: finds the database of a running ChatCraft, of a resting one, or the one of a URL."""

import signal
from pathlib import Path

from tests.up_process import COMMAND, UpProcess, run_program


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
