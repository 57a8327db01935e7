"""The example of a service of one's own: killed and started again, it loses nothing and doubles nothing."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.stack import Stack
from tests.wire import WAIT_S, People, Person, eventually

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data_dir(tmp_path: Path, stack: Stack) -> Path:
    """What `chatcraft up` leaves for services of one's own."""
    (tmp_path / "feed-url").write_text(stack.endpoints.nats_url_by_user["feed"] + "\n")
    return tmp_path


@asynccontextmanager
async def watching(data_dir: Path, url: str, username: str) -> AsyncIterator[str]:
    """Run it as the README says, and kill it in the end; yields the bot's user name."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "examples.keyword_alerts", "deploy", username, "--url", url,
        cwd=ROOT, env={**os.environ, "CHATCRAFT_DATA_DIR": str(data_dir)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), WAIT_S)).decode()
        assert "watches for 'deploy'" in line
        yield line.split()[0]
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def list_alerts(anna: Person) -> list[str]:
    """Return what the bot has written to her, in order."""
    own = (await anna.rest("GET", "/rooms"))["rooms"]
    texts: list[str] = []
    for room_id in [each["room"]["id"] for each in own if each["room"]["kind"] == "dm"]:
        page = await anna.rest("GET", f"/rooms/{room_id}/messages?limit=100")
        texts += [message["text"].rpartition("> ")[2] for message in page["messages"]]
    return texts


async def test_alerts_come_once_and_all_although_the_service_is_killed(
    stack: Stack, people: People, anna: Person, bert: Person, data_dir: Path
):
    url, name = stack.gateway_urls[0], anna.user["username"]
    async with watching(data_dir, url, name) as bot_name:
        [bot] = (await anna.rest("GET", f"/users/search?q={bot_name}"))["users"]
        room_id = await bert.create_room()
        await bert.rest("POST", f"/rooms/{room_id}/members", {"user_ids": [bot["id"]]})
        secret_id = await bert.create_room()
        await bert.send(secret_id, "deploy behind closed doors")
        await bert.send(room_id, "a redeployment is something else")
        await bert.send(room_id, "deploy 1")
        await eventually(lambda: is_told(anna, ["deploy 1"]))
        for number in range(2, 12):
            await bert.send(room_id, f"Deploy {number}")
    for number in range(12, 22):
        await bert.send(room_id, f"deploy {number}")
    expected = ["deploy 1", *(f"Deploy {n}" for n in range(2, 12)), *(f"deploy {n}" for n in range(12, 22))]
    async with watching(data_dir, url, name):
        await eventually(lambda: is_told(anna, expected), 40)
        await bert.send(room_id, "deploy at last")
        await eventually(lambda: is_told(anna, [*expected, "deploy at last"]))


async def is_told(anna: Person, expected: list[str]) -> bool:
    return await list_alerts(anna) == expected
