"""What `chatcraft backup` and `chatcraft restore` do not take: each says what to do, and changes nothing."""

import json
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from deploy.local.backup.making import BackupOptions, run_backup
from deploy.local.backup.restoring import RestoreOptions, run_restore
from deploy.local.errors import StartError
from deploy.local.postgres import ROLE, postgres_url
from deploy.local.servers import EmbeddedServers, ExternalUrls
from tests.databases import DatabaseFactory
from tests.integration.messages.world import eventually_in
from tests.up_process import COMMAND, run_program

SECRET = "c2VjcmV0IG9mIGEgdGVzdCwgYW5kIG9mIG5vdGhpbmcgZWxzZQ"
ALONE = """
SELECT count(*) = 1 FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend'
"""
OTHER = "YW5vdGhlciBzZWNyZXQgb2YgYSB0ZXN0LCBhbmQgbm90aGluZw"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATCRAFT_SECRET_KEY", SECRET)


async def back_up(file: Path, url: str | None, *, force: bool = False) -> None:
    """What `chatcraft backup` does, without the second that its process takes to start."""
    options = BackupOptions(file=file, data_dir=file.parent / "none", replaces=force, secret_file=None)
    await run_backup(options, ExternalUrls(database=url))


async def refused_backup(file: Path, url: str | None = None) -> str:
    with pytest.raises(StartError) as refused:
        await back_up(file, url)
    return str(refused.value)


async def refused_restore(file: Path, url: str | None = None, *, replace: bool = False, **given: Any) -> str:
    """Return what it says instead; nothing is made for it to say that."""
    elsewhere = file.parent / "elsewhere"
    options = RestoreOptions(
        file=file, data_dir=elsewhere, replaces=replace, ignores_findings=False,
        secret_file=given.get("secret_file"),
    )  # fmt: skip
    with pytest.raises(StartError) as refused:
        await run_restore(options, ExternalUrls(database=url), print)
    assert not elsewhere.exists()
    return str(refused.value)


@pytest.fixture
async def backup(tmp_path: Path, fresh_database: str) -> Path:
    file = tmp_path / "chat.backup"
    await back_up(file, fresh_database)
    return file


def change(file: Path, dump: bytes = b"", **manifest: Any) -> None:
    """Write it again with something else in it, as whole as before."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    changed = json.loads(parts["chatcraft-backup.json"]) | manifest
    parts |= {"chatcraft-backup.json": json.dumps(changed).encode()}
    parts |= {"database.dump": dump or parts["database.dump"]}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


async def test_a_file_that_is_there_is_not_overwritten(tmp_path, fresh_database: str):
    file = tmp_path / "chat.backup"
    file.write_text("precious")
    assert "--force" in await refused_backup(file, fresh_database)
    assert file.read_text() == "precious"
    await back_up(file, fresh_database, force=True)
    assert zipfile.is_zipfile(file)


async def test_what_cannot_be_backed_up_leaves_no_file(tmp_path, databases: DatabaseFactory):
    file = tmp_path / "chat.backup"
    assert "nothing to back up" in await refused_backup(file, await databases.create_empty())
    said = await refused_backup(file, "postgresql://a:secret-word@127.0.0.1:1/x")
    assert "127.0.0.1:1" in said
    assert "secret-word" not in said
    assert "there is no data" in await refused_backup(file)
    assert not list(tmp_path.iterdir())


async def test_a_file_that_is_not_whole_or_not_ours_is_refused(tmp_path, backup):
    content = backup.read_bytes()
    backup.write_bytes(content[:-100])
    assert "its end is missing" in await refused_restore(backup)
    middle = len(content) // 2
    backup.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    assert "is damaged" in await refused_restore(backup)
    backup.write_text("a letter")
    assert "was not made by `chatcraft backup`" in await refused_restore(backup)
    with zipfile.ZipFile(backup, "w") as foreign:
        foreign.writestr("photo.jpg", "a photo")
    assert "was not made by `chatcraft backup`" in await refused_restore(backup)
    assert "there is no file" in await refused_restore(tmp_path / "nothing")


async def test_a_backup_of_a_newer_version_is_refused(backup):
    change(backup, schemas={"auth": "0009", "messages": "0099"}, chatcraft="9.0")
    said = await refused_restore(backup)
    assert "from ChatCraft 9.0, with the schema messages 0099" in said
    assert "update ChatCraft" in said
    change(backup, format=2)
    assert "format 2" in await refused_restore(backup)


async def test_a_backup_needs_the_secret_that_it_was_made_under(
    tmp_path, backup, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CHATCRAFT_SECRET_KEY", OTHER)
    assert "another secret key" in await refused_restore(backup)
    monkeypatch.delenv("CHATCRAFT_SECRET_KEY")
    assert "--secret-key" in await refused_restore(backup)
    (tmp_path / "secret").write_text("hello\n")
    said = await refused_restore(backup, secret_file=tmp_path / "secret")
    assert "does not hold a secret key" in said


async def test_a_role_that_may_not_make_databases_is_told_how_to_get_leave(backup, fresh_database: str):
    assert 'ALTER ROLE "chatcraft" CREATEDB' in await refused_restore(backup, fresh_database)


async def test_a_database_with_the_tables_of_others_is_never_replaced(backup, fresh_database: str):
    connection = await asyncpg.connect(fresh_database)
    await connection.execute("CREATE SCHEMA shop CREATE TABLE orders (id int)")
    assert "shop.orders" in await refused_restore(backup, fresh_database, replace=True)
    await connection.execute("DROP SCHEMA shop CASCADE")
    await connection.close()


async def test_a_database_that_is_in_use_is_not_replaced(
    backup, fresh_database: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("deploy.local.backup.database._SESSIONS_END_S", 0.2)
    connection = await asyncpg.connect(fresh_database, server_settings={"application_name": "chatcraft-auth"})
    await eventually_in(connection, ALONE)  # who asked before may still be on their way out
    said = await refused_restore(backup, fresh_database, replace=True)
    assert f"{urlsplit(fresh_database).path[1:]} is in use by chatcraft-auth; stop" in said
    await connection.close()


async def test_a_dump_that_cannot_be_read_leaves_all_as_it_was(
    backup, fresh_database: str, servers: EmbeddedServers
):
    admin = await asyncpg.connect(postgres_url(servers.data_dir, as_admin=True))
    before = await admin.fetch("SELECT oid, datname FROM pg_database ORDER BY oid")
    change(backup, dump=b"PGDMP and nothing more")
    await admin.execute(f"ALTER ROLE {ROLE} CREATEDB")
    try:
        said = await refused_restore(backup, fresh_database, replace=True)
    finally:
        await admin.execute(f"ALTER ROLE {ROLE} NOCREATEDB")
    assert "the database could not be restored: pg_restore: error:" in said
    assert await admin.fetch("SELECT oid, datname FROM pg_database ORDER BY oid") == before
    await admin.close()


async def test_a_list_of_erasures_that_is_none_is_refused(tmp_path, fresh_database: str):
    listed = tmp_path / "erasures"
    listed.write_text("\nhello\n")
    env = {"CHATCRAFT_DATABASE_URL": fresh_database}
    code, lines = await run_program(COMMAND, "admin", "repeat-erasures", str(listed), env=env)
    assert (code, lines) == (1, ["line 2 is not one of what list-erasures prints"])
