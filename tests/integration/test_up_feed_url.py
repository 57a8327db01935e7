"""`chatcraft feed-url`: how a service of one's own learns where the feed is."""

import asyncio
from pathlib import Path

import nats

from tests.up_process import COMMAND, UpProcess


async def ask_feed_url(data_dir: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "feed-url", "--data-dir", str(data_dir)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode().strip()


async def test_it_is_printed_while_and_after_it_runs_and_only_its_owner_can_read_it(tmp_path: Path):
    data_dir = tmp_path / "data"
    code, said = await ask_feed_url(data_dir)
    assert (code, "chatcraft up" in said) == (1, True)
    async with UpProcess(data_dir) as up:
        await up.wait_ready()
        code, url = await ask_feed_url(data_dir)
        assert code == 0
        client = await nats.connect(url, inbox_prefix="_INBOX_feed")
        assert (await client.jetstream().stream_info("CHAT")).config.subjects == ["chat.room.>"]
        await client.close()
        assert url.rpartition("@")[0].rpartition(":")[2] not in up.output
    assert (data_dir / "feed-url").stat().st_mode & 0o777 == 0o600
