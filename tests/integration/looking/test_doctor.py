"""`chatcraft doctor` on a system that is well, and on each thing that can be wrong with it."""

import asyncio
import os
import re
import shlex
import signal
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.integration.looking.certificates import make_certificate, serve_tls
from tests.integration.looking.doctor import run_doctor, to_environment
from tests.stack import Stack
from tests.up_process import COMMAND, UpProcess, run_program

OWN_CLOCK = Path(__file__).parents[2] / "faults" / "own_clock"
HERE = {"disk", "descriptors"}
SERVERS = {"database", "clock of database", "schema of auth", "schema of messages", "outbox", "redis"}
SERVERS |= {"clock of redis", "redis memory", "nats", "clock of nats", "feed"}
SERVICES = {"auth", "gateway", "messages", "presence"}
TIMED = {"database", "redis", "nats"}
DOOR = {"rest", "clock of gateway", "websocket"}
FILL = """
INSERT INTO messages.outbox (id, claimed_by, claimed_until, events, created_at)
SELECT gen_random_uuid(), gen_random_uuid(), now() + interval '1 hour', '\\x90', now() - interval '5 minutes'
"""


async def test_it_finds_all_well_with_a_running_chatcraft_and_names_a_server_that_stands_still(tmp_path):
    async with UpProcess(tmp_path / "data", "--gateways", "2") as up:
        await up.wait_ready()
        report = await run_doctor(data_dir=tmp_path / "data")
        processes = {f"process {name}" for name in ("auth", "messages", "presence", "gateway-1", "gateway-2")}
        assert set(report.by_name) == HERE | SERVERS | SERVICES | DOOR | processes
        assert report.failed <= {"disk"}, "the disk of a machine may be full"
        unwell = {name for name in report.by_name if report.level(name) != "ok"}
        assert unwell <= {"disk", *TIMED}, "and its servers slow"
        assert re.fullmatch(r"2 of version \d+\.\d+\.\d+", report.text("gateway"))
        code, lines = await run_program(COMMAND, "doctor", "--data-dir", str(tmp_path / "data"))
        assert code == report.code
        assert len([line for line in lines if line.startswith(("ok  ", "warn", "FAIL"))]) == len(
            report.by_name
        )

        nats = up.find_child("nats-server")
        os.kill(nats, signal.SIGSTOP)
        try:
            report = await run_doctor(data_dir=tmp_path / "data")
        finally:
            os.kill(nats, signal.SIGCONT)
        assert report.code == 1
        assert "nats" in report.failed
        assert {"process gateway-1", "process messages"} <= report.failed
        assert not {"database", "redis", "outbox", *HERE} & report.failed


async def test_at_rest_it_says_how_to_start(tmp_path):
    async with UpProcess(tmp_path / "data") as up:
        await up.wait_ready()
        up.process.send_signal(signal.SIGINT)
        assert await up.wait_end() == 0
    report = await run_doctor(data_dir=tmp_path / "data")
    assert (report.code, report.failed) == (1, {"chatcraft"})
    assert "chatcraft up" in report.by_name["chatcraft"]["advice"]


async def test_where_there_is_nothing_it_says_what_to_name(tmp_path):
    code, [line] = await run_program(COMMAND, "doctor", "--data-dir", str(tmp_path / "none"))
    assert code == 1
    assert "CHATCRAFT_NATS_URL" in line
    assert not (tmp_path / "none").exists()


async def test_an_outbox_that_nobody_empties_is_found(servers, fresh_database):
    connection = await asyncpg.connect(fresh_database)
    await connection.execute(FILL)
    report = await run_doctor(env=to_environment(servers.endpoints, fresh_database))
    await connection.execute("DELETE FROM messages.outbox")
    await connection.close()
    assert "outbox" in report.failed
    assert report.text("outbox").startswith("1 batches wait, the oldest for 3")
    assert report.failed >= SERVICES, "none runs on these servers"


async def test_schemas_that_are_missing_or_newer_are_found(servers, databases):
    empty = await databases.create_empty()
    report = await run_doctor(env=to_environment(servers.endpoints, empty))
    assert {"schema of auth", "schema of messages"} <= report.failed
    assert "chatcraft migrate" in report.by_name["schema of auth"]["advice"]
    newer = await databases.create()
    connection = await asyncpg.connect(newer)
    await connection.execute("UPDATE messages.schema_version SET version_num = '9999'")
    await connection.close()
    report = await run_doctor(env=to_environment(servers.endpoints, newer))
    assert report.level("schema of messages") == "warn"
    assert report.level("schema of auth") == "ok"


async def test_a_clock_that_is_wrong_is_found_against_every_server(servers, fresh_database, tmp_path):
    (tmp_path / "1").write_text("-90")
    wrong = {"PYTHONPATH": str(OWN_CLOCK), "TEST_CLOCKS": str(tmp_path), "CHATCRAFT_HEALTH_PORT": "1"}
    wrong["PYTHONWARNINGS"] = "ignore"  # compiled modules see that `datetime` is another
    report = await run_doctor(env=to_environment(servers.endpoints, fresh_database) | wrong)
    for whose in ("database", "redis"):
        assert f"clock of {whose}" in report.failed
        assert re.search(r"(8[89]|9[01])\.\d s ahead of this machine's", report.text(f"clock of {whose}"))


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("CHATCRAFT_DATABASE_URL", "database"),
        ("CHATCRAFT_NATS_URL", "nats"),
        ("CHATCRAFT_REDIS_URL", "redis"),
    ],
)
async def test_a_server_that_is_away_is_named_without_its_password(servers, fresh_database, variable, name):
    env = to_environment(servers.endpoints, fresh_database)
    scheme = env[variable].partition(":")[0]
    env[variable] = f"{scheme}://somebody:secret-word@127.0.0.1:1/x"
    report = await run_doctor(env=env)
    assert name in report.failed
    assert variable in report.by_name[name]["advice"]
    assert "secret-word" not in str(report.by_name)


async def test_a_user_of_the_bus_who_may_not_ask_is_told_which_one_may(servers, fresh_database):
    env = to_environment(servers.endpoints, fresh_database)
    env["CHATCRAFT_NATS_URL"] = servers.endpoints.nats_url_by_user["feed"]
    report = await run_doctor(env=env)
    assert report.level("services") == "warn"
    assert "`messages`" in report.by_name["services"]["advice"]


async def test_few_descriptors_are_found(servers, fresh_database):
    env = to_environment(servers.endpoints, fresh_database)
    command = f"ulimit -n 1024; exec {shlex.quote(str(COMMAND))} doctor --data-dir /nowhere"
    _, lines = await run_program("sh", "-c", command, env=env)
    [line] = [line for line in lines if " descriptors " in line]
    assert line.startswith("warn")
    assert "1,024" in line


@pytest.mark.parametrize(
    ("good_for", "is_trusted", "level", "words"),
    [
        (timedelta(hours=-1), True, "FAIL", "expired on"),
        (timedelta(hours=-1), False, "FAIL", "expired on"),
        (timedelta(days=200), False, "FAIL", "browsers refuse it: self-signed certificate"),
        (timedelta(days=5, hours=1), True, "warn", ", 5 days"),
        (timedelta(days=200), True, "ok", "is good until"),
    ],
)
async def test_certificates_are_judged_as_browsers_do_and_before_they_end(
    tmp_path, good_for, is_trusted, level, words
):
    certificate = make_certificate(tmp_path, good_for)
    async with serve_tls(certificate) as url:
        env = {"SSL_CERT_FILE": str(certificate)} if is_trusted else {}
        report = await run_doctor("--url", url, env=env)
    assert report.level("certificate") == level
    assert words in report.text("certificate")
    # What is behind is looked at all the same.
    assert {"rest", "websocket"} <= report.failed


async def test_a_proxy_that_takes_the_upgrade_out_is_found(stack: Stack):
    host, port = stack.gateway_urls[0].rpartition("//")[2].split(":")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, to_behind = await asyncio.open_connection(host, int(port))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        stripped = re.sub(rb"(upgrade|connection): [^\r]*\r\n", b"", head).replace(b"get ", b"GET ")
        to_behind.write(
            stripped.replace(b"http/1.1", b"HTTP/1.1").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        writer.write(await behind.read())
        writer.close()
        to_behind.close()

    proxy = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    try:
        address = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        through = await run_doctor("--url", address)
    finally:
        proxy.close()
    straight = await run_doctor("--url", stack.gateway_urls[0])
    assert through.failed == {"websocket"}
    assert "Upgrade" in through.by_name["websocket"]["advice"]
    assert (straight.failed, straight.level("websocket"), straight.code) == (set(), "ok", 0)


async def test_an_address_where_nobody_is_and_one_that_is_none_are_told_apart(tmp_path):
    report = await run_doctor("--url", "http://127.0.0.1:1")
    assert "does not answer" in report.text("address")
    report = await run_doctor("--url", "chat.example.org")
    assert "is no address" in report.text("address")
