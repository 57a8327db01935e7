"""`chatcraft backup` beside a ChatCraft that is talked on, and `chatcraft restore` into it and elsewhere."""

import asyncio
import signal
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pyotp
import pytest

from tests.faults.talking import Talker, list_all, talking
from tests.stack import DEFAULT_ENV
from tests.up_process import COMMAND, UpProcess, run_program
from tests.wire import PASSWORD, WAIT_S, Json, People, Person, eventually, read

# ChatCraft is started four times, and restores three times.
pytestmark = pytest.mark.timeout(300)
SAID_BEFORE = 20


@dataclass
class Life:
    """What there was when the backup was taken, and what came after it."""

    data_dir: Path
    file: Path
    secret_file: Path
    room_id: str
    anna: Person
    bert: Person
    totp: str
    receipt: str = ""
    acked_before: list[str] = field(default_factory=list)
    acked: list[str] = field(default_factory=list)
    held: Json = field(default_factory=dict)


# People here write as fast as the machine can.
UNLIMITED = {name: value for name, value in DEFAULT_ENV.items() if name.endswith("_RATE_FACTOR")}


async def chatcraft(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, list[str]]:
    return await run_program(COMMAND, *arguments, env=env)


async def stop(up: UpProcess) -> None:
    up.process.send_signal(signal.SIGINT)
    assert await up.wait_end() == 0


@pytest.fixture(scope="module")
async def lived(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """A backup was taken while two talked; then one of them had himself erased, and ChatCraft was stopped."""
    home = tmp_path_factory.mktemp("backup")
    data_dir, file, secret_file = home / "data", home / "chat.backup", home / "secret"
    async with UpProcess(data_dir, env=UNLIMITED) as up, httpx2.AsyncClient(timeout=WAIT_S) as http:
        folk = People([await up.wait_ready()], http)
        anna, bert = await folk.register("anna"), await folk.register("bert")
        room_id = await anna.create_room(members=(bert,))
        totp = await turn_totp_on(anna)
        life = Life(data_dir, file, secret_file, room_id, anna, bert, totp)
        async with bert.socket() as socket, talking(anna, room_id) as talker:
            await says_more(talker, SAID_BEFORE)
            life.acked_before = list(talker.acked)
            code, lines = await chatcraft(
                *("backup", str(file), "--secret-key", str(secret_file), "--data-dir", str(data_dir))
            )
            assert code == 0, lines
            assert lines[0].startswith(f"Written to {file}: 2 accounts and 1 room as of 20")
            assert "keep them apart" in lines[1]
            await says_more(talker)
            assert not talker.refusals
            life.acked = talker.acked
            assert socket.close_code is None
            last = socket.of_room(room_id)[-1]
            life.held = {room_id: {"epoch": last["epoch"], "rev": last["rev"]}}
        started = await bert.rest("POST", "/users/me/erasure", {"messages": "erase"})
        life.receipt = started["receipt"]
        await wait_erased(http, up.url, life.receipt)
        await stop(up)
    return life


async def turn_totp_on(person: Person) -> str:
    secret: str = (await person.rest("POST", "/auth/factors/totp"))["secret"]
    code = pyotp.TOTP(secret).at(time.time())
    await person.rest("POST", "/auth/factors/totp/confirm", {"code": code})
    return secret


async def says_more(talker: Talker, count: int = 10) -> None:
    wanted = len(talker.acked) + count
    await eventually(lambda: len(talker.acked) >= wanted)


async def wait_erased(http: httpx2.AsyncClient, url: str, receipt: str) -> None:
    async def is_erased() -> bool:
        return bool(read(await http.get(f"{url}/api/v1/erasures/{receipt}"))["state"] == "finished")

    await eventually(is_erased)


async def sign_in(http: httpx2.AsyncClient, url: str, person: Person, totp: str = "") -> Person:
    body = {"login": person.user["username"], "password": PASSWORD}
    answer = read(await http.post(f"{url}/api/v1/auth/login", json=body))
    if totp:
        # The step of now may have been used up by what was confirmed with it: the next one counts as well.
        body = {"mfa_token": answer["mfa_token"], "code": pyotp.TOTP(totp).at(time.time() + 30)}
        answer = read(await http.post(f"{url}/api/v1/auth/login/totp", json=body))
    return Person(url, answer["user"], answer["tokens"], http)


async def list_said(data_dir: Path, life: Life) -> list[str]:
    """Return what the room holds by the words of a ChatCraft that is started on it for the question."""
    async with UpProcess(data_dir, env=UNLIMITED) as up, httpx2.AsyncClient(timeout=WAIT_S) as http:
        anna = await sign_in(http, await up.wait_ready(), life.anna, life.totp)
        said = await list_all(anna, life.room_id)
        await stop(up)
    return said


async def test_a_backup_can_be_read_by_its_owner_only(lived: Life):
    for file in (lived.file, lived.secret_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert lived.secret_file.read_bytes().strip() not in lived.file.read_bytes()
    assert not list(lived.file.parent.glob("*.part"))


async def test_elsewhere_people_sign_in_and_find_what_was_acked_before_the_backup(
    lived: Life, tmp_path: Path
):
    data_dir = tmp_path / "elsewhere"
    code, lines = await chatcraft(
        *("restore", str(lived.file), "--secret-key", str(lived.secret_file), "--data-dir", str(data_dir))
    )
    assert code == 0, lines
    assert any("nothing is wrong" in line for line in lines)
    async with UpProcess(data_dir, env=UNLIMITED) as up, httpx2.AsyncClient(timeout=WAIT_S) as http:
        url = await up.wait_ready()
        anna = await sign_in(http, url, lived.anna, lived.totp)
        bert = await sign_in(http, url, lived.bert)
        said = await list_all(anna, lived.room_id)
        assert said == lived.acked[: len(said)]
        assert len(said) >= len(lived.acked_before)
        async with bert.socket(sync=False) as socket:
            [room] = (await socket.call("sync", {"rooms": lived.held}))["rooms"]
            assert room["state"] == "reset"
            assert room["position"]["epoch"] > lived.held[lived.room_id]["epoch"]
            message = await anna.send(lived.room_id, "goes on")
            await socket.wait_for_event("message.created", id=message["id"])
        code, lines = await chatcraft("restore", str(lived.file), "--replace", "--data-dir", str(data_dir))
        assert (code, len(lines)) == (1, 1)
        assert "is in use by another `chatcraft up`" in lines[0]
        await stop(up)


async def kill_restore(life: Life, word: str) -> None:
    """Kill a restore once it has printed that word."""
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "restore", str(life.file), "--replace", "--data-dir", str(life.data_dir)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while word not in (line := (await process.stdout.readline()).decode()):
            assert line, "it ended before it was killed"
        process.kill()
        await process.wait()


async def test_a_restore_that_is_killed_leaves_what_was_there(lived: Life):
    await kill_restore(lived, "asked for again")  # the new one is filled; it is not in its place yet
    assert await list_said(lived.data_dir, lived) == lived.acked


async def test_whoever_was_erased_since_the_backup_does_not_come_back_by_it(lived: Life):
    """Comes last: it replaces what the others look at, over what the killed one has left."""
    code, lines = await chatcraft("restore", str(lived.file), "--data-dir", str(lived.data_dir))
    assert (code, len(lines)) == (1, 1)
    assert "--replace" in lines[0]
    code, lines = await chatcraft("restore", str(lived.file), "--replace", "--data-dir", str(lived.data_dir))
    assert code == 0, lines
    assert "1 erasure was asked for again." in lines
    async with UpProcess(lived.data_dir, env=UNLIMITED) as up, httpx2.AsyncClient(timeout=WAIT_S) as http:
        url = await up.wait_ready()
        await wait_erased(http, url, lived.receipt)
        body = {"login": lived.bert.user["username"], "password": PASSWORD}
        assert (await http.post(f"{url}/api/v1/auth/login", json=body)).status_code == 401
        await stop(up)
