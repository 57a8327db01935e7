"""`chatcraft import slack` beside a running system and without one, as a person at a terminal meets it."""

import csv
import os
import signal
from pathlib import Path

import asyncpg
import httpx2
import pytest

from bench.slack_export import write
from deploy.importing.slack.ids import Ids
from tests.integration.importing.command import ImportProcess, Outcome
from tests.slack_export import ADA, BEN, DAY_1, GENERAL, GENERAL_DAY_1, JENKINS, USERS, write_export
from tests.stack import Stack
from tests.wire import People, Person, Refused, eventually, new_id, read


async def run(export: Path, *arguments: str) -> Outcome:
    process = ImportProcess(export, *arguments)
    await process.start()
    return await process.end()


async def verify_email(stack: Stack, person: Person, email: str) -> None:
    connection = await asyncpg.connect(stack.endpoints.database_url)
    await connection.execute(
        "UPDATE auth.users SET email = $2, email_verified = true WHERE id = $1", person.id, email
    )
    await connection.close()


async def test_who_is_online_sees_their_rooms_arrive_whole(stack: Stack, people: People, tmp_path: Path):
    """The system runs, the import reads its database from the data directory, and the sweeper tells of it."""
    team = new_id()
    ben = await people.register("ben", node=1)
    email = f"{team}@example.com"
    await verify_email(stack, ben, email)
    users = [USERS[0], USERS[1] | {"profile": {"email": email.upper()}}, *USERS[2:]]
    async with ben.socket() as socket:
        export = write_export(tmp_path / "export.zip", {"users.json": users})
        outcome = await run(export, "--data-dir", str(stack.servers.data_dir.path), "--team", team)
        assert outcome.code == 0, outcome.output
        added = await socket.wait_for(
            lambda frame: frame["ev"] == "room.added" and frame["d"]["room"]["name"] == "general"
        )
        element = added["d"]
        room_id = Ids(team).room(GENERAL)
        assert element["room"]["id"] == room_id
        assert (element["membership"]["unread"], element["state"]) == (0, "new")
        assert [each["seq"] for each in element["messages"]] == list(
            range(1, element["room"]["last_seq"] + 1)
        )
        await socket.wait_for(
            lambda frame: frame["ev"] == "room.added" and frame["d"]["room"]["kind"] == "dm"
        )
        sent = await ben.send(room_id, "hello from the other side")
        await socket.wait_for_event("message.created", id=sent["id"])
        revs = [frame["rev"] for frame in socket.of_room(room_id)]
        assert revs == sorted(set(revs))


async def test_first_passwords_open_the_accounts_and_are_never_lost(
    stack: Stack, http: httpx2.AsyncClient, tmp_path: Path
):
    team, passwords = new_id(), tmp_path / "passwords.csv"
    suffix = team[:8]
    users = [user | {"name": f"{user['name'][:12]}-{suffix}"} for user in USERS]
    export = write_export(tmp_path / "export.zip", {"users.json": users})
    arguments = ("--data-dir", str(stack.servers.data_dir.path), "--team", team)
    assert (await run(export, *arguments)).code == 0
    with pytest.raises(Refused) as caught:
        await sign_in(http, stack, f"ada-{suffix}", "")
    assert caught.value.code in ("invalid_input", "unauthenticated")

    outcome = await run(export, *arguments, "--passwords", str(passwords))
    assert outcome.counts["first passwords"] == 4
    assert passwords.stat().st_mode & 0o777 == 0o600
    rows = {row["username"]: row for row in csv.DictReader(passwords.read_text().splitlines())}
    assert set(rows) == {f"{name}-{suffix}" for name in ("ada", "ben.k", "cleo-u", "al")}, (
        "people who are active"
    )
    assert rows[f"ada-{suffix}"]["email"] == "ada@example.com"
    signed_in = await sign_in(http, stack, f"ada-{suffix}", rows[f"ada-{suffix}"]["password"])
    assert signed_in["user"]["id"] == Ids(team).person(ADA)
    assert signed_in["user"]["role"] == "member", "an admin of the workspace is none here"

    before = passwords.read_text()
    again = await run(export, *arguments, "--passwords", str(passwords))
    assert "first passwords" not in again.counts
    assert passwords.read_text() == before
    assert not any(row["password"] in again.output for row in rows.values())
    assert Ids(team).person(BEN) != Ids(team).person(JENKINS)


async def sign_in(
    http: httpx2.AsyncClient, stack: Stack, login: str, password: str
) -> dict[str, dict[str, str]]:
    body = {"login": login, "password": password or "no password at all"}
    return read(await http.post(f"{stack.gateway_urls[0]}/api/v1/auth/login", json=body))


async def test_without_a_running_system_it_starts_the_database_itself(tmp_path: Path):
    export = write_export(tmp_path / "export.zip")
    arguments = ("--data-dir", str(tmp_path / "data"), "--report", str(tmp_path / "told.json"))
    outcome = await run(export, *arguments)
    assert outcome.code == 0, outcome.output
    assert "25 new messages" in outcome.output
    assert (tmp_path / "told.json").stat().st_mode & 0o777 == 0o600
    assert "26 messages that were there" in (await run(export, *arguments)).output


async def test_a_dry_run_says_what_would_come_of_it_and_touches_nothing(tmp_path: Path):
    export = write_export(tmp_path / "export.zip")
    outcome = await run(export, "--data-dir", str(tmp_path / "data"), "--dry-run")
    assert outcome.code == 0, outcome.output
    assert outcome.counts == {"people": 9, "messages": 26, "rooms": 7}
    assert not (tmp_path / "data").exists()


async def test_a_broken_export_is_refused_with_file_and_line(tmp_path: Path):
    broken = b'[\n {"ts": "1.0"},\n {"ts": \n]'
    export = write_export(tmp_path / "export.zip", {f"general/{DAY_1}.json": broken})
    outcome = await run(export, "--data-dir", str(tmp_path / "data"))
    assert outcome.code == 1
    assert f"general/{DAY_1}.json, line 4" in outcome.output
    assert "Traceback" not in outcome.output
    skipped = await run(export, "--dry-run", "--skip-broken")
    assert skipped.counts["messages"] < len(GENERAL_DAY_1) + 20
    assert skipped.find_left("broken file") == 1


async def test_a_database_that_is_not_there_is_one_line(tmp_path: Path):
    url = "postgresql://nobody:secret@127.0.0.1:1/none"
    process = ImportProcess(write_export(tmp_path / "a.zip"), env={"CHATCRAFT_DATABASE_URL": url})
    await process.start()
    outcome = await process.end()
    assert outcome.code == 1
    assert "nobody answers at 127.0.0.1:1" in outcome.output
    assert "secret" not in outcome.output
    assert os.environ.get("CHATCRAFT_DATABASE_URL") is None


async def test_ctrl_c_ends_it_in_order_and_says_how_to_go_on(tmp_path: Path):
    export = tmp_path / "big.zip"
    write(export, messages=8_000, channels=4, users=20, seed=3)
    process = ImportProcess(export, "--data-dir", str(tmp_path / "data"))
    await process.start()
    log = tmp_path / "data" / "chatcraft.json"
    await eventually(lambda: log.exists() and "migrated" in log.read_text(), 60)
    process.process.send_signal(signal.SIGINT)
    outcome = await process.end()
    assert outcome.code == 130
    assert "goes on where it was" in outcome.output
    assert "Traceback" not in outcome.output
    again = await run(export, "--data-dir", str(tmp_path / "data"))
    assert again.counts["new messages"] + again.counts.get("messages that were there", 0) == 8_000
