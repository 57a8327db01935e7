"""What `chatcraft backup` and `chatcraft restore` do not take: each says what to do, and changes nothing."""

import json
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.databases import DatabaseFactory
from tests.up_process import COMMAND, run_program

SECRET = "c2VjcmV0IG9mIGEgdGVzdCwgYW5kIG9mIG5vdGhpbmcgZWxzZQ"
OTHER = "YW5vdGhlciBzZWNyZXQgb2YgYSB0ZXN0LCBhbmQgbm90aGluZw"


async def chatcraft(*arguments: object, url: str = "", secret: str = SECRET) -> tuple[int, list[str]]:
    env = {"CHATCRAFT_DATABASE_URL": url, "CHATCRAFT_SECRET_KEY": secret}
    return await run_program(COMMAND, *map(str, arguments), env=env)


async def refusal(*arguments: object, **given: str) -> str:
    """Return the one line that a refused command prints."""
    code, lines = await chatcraft(*arguments, **given)
    assert (code, len(lines)) == (1, 1), lines
    return lines[0]


@pytest.fixture
async def backup(tmp_path, fresh_database: str) -> Path:
    file = tmp_path / "chat.backup"
    code, lines = await chatcraft("backup", file, url=fresh_database)
    assert code == 0, lines
    return file


def change_manifest(file: Path, **changes: Any) -> None:
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts["chatcraft-backup.json"]) | changes
    parts["chatcraft-backup.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


async def test_a_file_that_is_there_is_not_overwritten(tmp_path, fresh_database: str):
    file = tmp_path / "chat.backup"
    file.write_text("precious")
    assert "--force" in await refusal("backup", file, url=fresh_database)
    assert file.read_text() == "precious"
    code, lines = await chatcraft("backup", file, "--force", url=fresh_database)
    assert code == 0, lines
    assert zipfile.is_zipfile(file)


async def test_what_cannot_be_backed_up_leaves_no_file(tmp_path, databases: DatabaseFactory):
    file = tmp_path / "chat.backup"
    empty = await databases.create_empty()
    assert "nothing to back up" in await refusal("backup", file, url=empty)
    nobody = "postgresql://a:secret-word@127.0.0.1:1/x"
    line = await refusal("backup", file, url=nobody)
    assert "127.0.0.1:1" in line
    assert "secret-word" not in line
    line = await refusal("backup", file, "--data-dir", tmp_path / "none")
    assert "there is no data" in line
    assert not (tmp_path / "none").exists()
    assert not list(tmp_path.iterdir())


async def test_a_file_that_is_not_whole_or_not_ours_is_refused(tmp_path, backup):
    content = backup.read_bytes()
    elsewhere = ("--data-dir", tmp_path / "elsewhere")
    backup.write_bytes(content[:-100])
    assert "its end is missing" in await refusal("restore", backup, *elsewhere)
    middle = len(content) // 2
    backup.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    assert "is damaged" in await refusal("restore", backup, *elsewhere)
    backup.write_text("a letter")
    assert "was not made by `chatcraft backup`" in await refusal("restore", backup, *elsewhere)
    with zipfile.ZipFile(backup, "w") as foreign:
        foreign.writestr("photo.jpg", "a photo")
    assert "was not made by `chatcraft backup`" in await refusal("restore", backup, *elsewhere)
    assert "there is no file" in await refusal("restore", tmp_path / "nothing", *elsewhere)
    assert not (tmp_path / "elsewhere").exists()


async def test_a_backup_of_a_newer_version_is_refused(tmp_path, backup):
    elsewhere = ("--data-dir", tmp_path / "elsewhere")
    change_manifest(backup, schemas={"auth": "0009", "messages": "0099"}, chatcraft="9.0")
    line = await refusal("restore", backup, *elsewhere)
    assert "from ChatCraft 9.0, with the schema messages 0099" in line
    assert "update ChatCraft" in line
    change_manifest(backup, format=2)
    assert "format 2" in await refusal("restore", backup, *elsewhere)
    assert not (tmp_path / "elsewhere").exists()


async def test_a_backup_needs_the_secret_that_it_was_made_under(tmp_path, backup):
    elsewhere = ("--data-dir", tmp_path / "elsewhere")
    assert "another secret key" in await refusal("restore", backup, *elsewhere, secret=OTHER)
    assert "--secret-key" in await refusal("restore", backup, *elsewhere, secret="")
    (tmp_path / "secret").write_text("hello\n")
    line = await refusal("restore", backup, "--secret-key", tmp_path / "secret", *elsewhere)
    assert "does not hold a secret key" in line
    assert not (tmp_path / "elsewhere").exists()


async def test_a_role_that_may_not_make_databases_is_told_how_to_get_leave(backup, fresh_database: str):
    line = await refusal("restore", backup, url=fresh_database)
    assert 'ALTER ROLE "chatcraft" CREATEDB' in line


async def test_a_database_with_the_tables_of_others_is_never_replaced(backup, fresh_database: str):
    connection = await asyncpg.connect(fresh_database)
    await connection.execute("CREATE SCHEMA shop CREATE TABLE orders (id int)")
    line = await refusal("restore", backup, "--replace", url=fresh_database)
    assert "shop.orders" in line
    await connection.execute("DROP SCHEMA shop CASCADE")
    line = await refusal("restore", backup, "--replace", url=fresh_database)
    assert f"the database {urlsplit(fresh_database).path[1:]} is in use" in line
    await connection.close()


async def test_a_list_of_erasures_that_is_none_is_refused(tmp_path, fresh_database: str):
    listed = tmp_path / "erasures"
    asked = ("admin", "repeat-erasures", listed)
    assert "cannot be read" in await refusal(*asked, url=fresh_database)
    listed.write_text("\nhello\n")
    line = await refusal(*asked, url=fresh_database)
    assert line == "line 2 is not one of what list-erasures prints"
