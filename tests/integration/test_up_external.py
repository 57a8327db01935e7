"""`chatcraft up` with servers that somebody else runs, and with directories that are not its own."""

import asyncio

import asyncpg
import pytest

from deploy.local.ports import pick_free
from tests.up_process import COMMAND, UpProcess, children_of, command_line


async def test_external_servers_are_used_instead_of_own_ones(servers, databases, tmp_path):
    url = await databases.create_empty()
    external = {"CHATCRAFT_DATABASE_URL": url, "CHATCRAFT_REDIS_URL": servers.endpoints.redis_url}
    async with UpProcess(tmp_path / "data", env=external) as up:
        await up.wait_ready()
        commands = [command_line(pid) for pid in children_of(up.process.pid)]
    assert sum("nats-server" in command for command in commands) == 1
    assert not any("bin/postgres" in command or "valkey" in command for command in commands)
    connection = await asyncpg.connect(url)
    schemas = await connection.fetch("SELECT schema_name FROM information_schema.schemata")
    await connection.close()
    assert {"auth", "messages"} <= {row["schema_name"] for row in schemas}


async def test_migrate_alone_brings_an_own_database_up_to_date(tmp_path):
    options = ("--data-dir", str(tmp_path / "data"))
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(
            COMMAND, "migrate", *options, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert output == b"The database is up to date.\n"
        assert process.returncode == 0


@pytest.mark.parametrize(
    ("variable", "scheme"),
    [
        ("CHATCRAFT_DATABASE_URL", "postgresql"),
        ("CHATCRAFT_NATS_URL", "nats"),
        ("CHATCRAFT_REDIS_URL", "redis"),
    ],
)
async def test_an_external_server_that_does_not_answer_is_named(tmp_path, variable, scheme):
    port = pick_free()
    external = {variable: f"{scheme}://somebody:secret-word@127.0.0.1:{port}"}
    async with UpProcess(tmp_path / "data", env=external) as up:
        assert await up.wait_end() == 1
    assert f"127.0.0.1:{port}" in up.lines[-1]
    assert variable in up.lines[-1]
    assert "secret-word" not in up.output


async def test_a_foreign_directory_is_refused_and_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    async with UpProcess(tmp_path) as up:
        assert await up.wait_end() == 1
    assert "not a ChatCraft data directory" in up.lines[-1]
    assert len(up.lines) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


async def test_a_directory_of_another_format_is_refused(tmp_path):
    (tmp_path / "chatcraft.json").write_text('{"format": 99}')
    async with UpProcess(tmp_path) as up:
        assert await up.wait_end() == 1
    assert "data format 99" in up.lines[-1]
    assert len(up.lines) == 1


async def test_a_file_in_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    async with UpProcess(tmp_path / "file") as up:
        assert await up.wait_end() == 1
    assert "is not a directory" in up.lines[-1]
