"""`chatcraft up` from the outside: what it prints, what it keeps running, what it leaves behind."""

import json
import os
import signal
from collections.abc import AsyncIterator

import httpx2
import msgspec
import pytest

from deploy.local.up import find_url
from shared.listening import list_addresses
from tests.authenticator import Authenticator
from tests.up_process import UpProcess, command_line, wait_all_gone, wait_for
from tests.wire import WAIT_S

ACCOUNT = {"username": "ada.l", "password": "correct horse battery"}


@pytest.fixture(scope="module")
async def up(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[UpProcess]:
    """A first start, with two gateways, in a directory with a space in its name."""
    data_dir = tmp_path_factory.mktemp("a path") / "with space"
    async with UpProcess(data_dir, "--gateways", "2") as running:
        await running.wait_ready()
        yield running


async def answers(url: str) -> bool:
    async with httpx2.AsyncClient(timeout=WAIT_S) as client:
        try:
            return (await client.get(f"{url}/api/v1/auth/jwks")).status_code == 200
        except httpx2.TransportError:
            return False


async def sign_in(url: str, path: str, body: dict[str, str]) -> int:
    async with httpx2.AsyncClient(timeout=WAIT_S) as client:
        return (await client.post(f"{url}/api/v1/auth/{path}", json=body)).status_code


async def test_the_address_comes_last_and_answers(up):
    own_lines = [line for line in up.lines if "│" not in line and line.strip()]
    assert own_lines[0].startswith("ChatCraft ")
    assert own_lines[-1] == f"ChatCraft is ready: {up.url}"
    for name in ("postgres", "nats", "valkey", "auth", "messages", "presence", "gateway-1", "gateway-2"):
        assert sum(line.split()[:2] == [name, "ready"] for line in own_lines) == 1
    assert await answers(up.url)


async def test_it_answers_by_name_and_by_number(up):
    host, _, port = up.url.removeprefix("http://").rpartition(":")
    assert host == "localhost"
    for address in list_addresses(host):
        assert await answers(f"http://{f'[{address}]' if ':' in address else address}:{port}")


@pytest.mark.parametrize(
    ("host", "opened"),
    [("0.0.0.0", "localhost"), ("::", "localhost"), ("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")],
)
def test_the_address_to_open_is_the_name_unless_a_number_was_asked_for(host, opened):
    assert find_url(host, 8080) == f"http://{opened}:8080"


async def test_passkeys_are_made_at_the_printed_address(up):
    authenticator = Authenticator(origin=up.url)
    async with httpx2.AsyncClient(base_url=f"{up.url}/api/v1/auth", timeout=WAIT_S) as client:
        registered = await client.post("/register", json={"username": "grace.h", "password": "correct horse"})
        client.headers["Authorization"] = f"Bearer {registered.json()['tokens']['access_token']}"
        asked = (await client.post("/factors/passkeys/options")).json()
        made = msgspec.to_builtins(authenticator.create(asked["options"]))
        body = {"challenge_id": asked["challenge_id"], "credential": made, "name": "Key"}
        assert (await client.post("/factors/passkeys", json=body)).status_code == 201


async def test_secrets_are_readable_by_their_owner_only(up):
    for name in ("secrets.json", "nats.conf", "valkey.conf"):
        assert (up.data_dir / name).stat().st_mode & 0o077 == 0
    secrets = json.loads((up.data_dir / "secrets.json").read_text()).values()
    assert len(secrets) > 5
    for pid in up.descendants():
        assert not any(secret in command_line(pid) for secret in secrets)


async def test_a_second_up_on_the_same_directory_says_who_holds_it(up):
    async with UpProcess(up.data_dir) as second:
        assert await second.wait_end() == 1
    assert f"pid {up.process.pid}" in second.lines[-1]
    assert "--data-dir" in second.lines[-1]
    assert len(second.lines) == 1


async def test_a_taken_port_names_its_owner_and_the_way_out(up, tmp_path):
    port = up.url.rpartition(":")[2]
    async with UpProcess(tmp_path / "other", "--port", port) as second:
        assert await second.wait_end() == 1
    assert second.lines[-1].startswith(f"chatcraft: port {port} is taken by ")
    assert second.lines[-1].endswith("; use --port")
    assert "Traceback" not in second.output


@pytest.mark.parametrize("word", ["services.auth", "services.gateway", "nats-server", "bin/postgres"])
async def test_a_killed_process_comes_back(up, word):
    killed = up.find_child(word)
    seen = len(up.lines)
    os.kill(killed, signal.SIGKILL)

    async def is_reported_back() -> bool:
        lines = up.lines[seen:]
        return any("killed by SIGKILL; next try in 0.5 s" in line for line in lines) and any(
            "is ready again" in line for line in lines
        )

    await wait_for(is_reported_back, lambda: up.output)
    assert up.find_child(word) != killed

    async def is_whole() -> bool:
        return await answers(up.url)

    await wait_for(is_whole, lambda: f"{up.url} does not answer\n{up.output}")


async def test_sigterm_stops_all_and_the_data_are_there_after_a_restart(tmp_path):
    async with UpProcess(tmp_path / "data") as first:
        assert await sign_in(await first.wait_ready(), "register", ACCOUNT) == 201
        processes = first.descendants()
        first.process.send_signal(signal.SIGTERM)
        assert await first.wait_end() == 0
    await wait_all_gone(processes)
    assert "killed" not in first.output
    ports = (tmp_path / "data" / "ports.json").read_text()

    async with UpProcess(tmp_path / "data") as again:
        url = await again.wait_ready()
        assert (
            await sign_in(url, "login", {"login": ACCOUNT["username"], "password": ACCOUNT["password"]})
            == 200
        )
        assert (tmp_path / "data" / "ports.json").read_text() == ports

        processes = again.descendants()
        again.process.kill()
        await again.process.wait()
        await wait_all_gone(processes)


async def test_up_after_kill_9_starts_at_once_on_the_same_directory(tmp_path):
    async with UpProcess(tmp_path / "data") as killed:
        await killed.wait_line("postgres")
        processes = killed.descendants()
        killed.process.kill()
        await killed.process.wait()
        async with UpProcess(tmp_path / "data") as again:
            assert await answers(await again.wait_ready())
    await wait_all_gone(processes)


async def test_ctrl_c_during_the_start_stops_quietly(tmp_path):
    async with UpProcess(tmp_path / "data") as starting:
        await starting.wait_line("nats")
        processes = starting.descendants()
        starting.process.send_signal(signal.SIGINT)
        assert await starting.wait_end() == 0
    assert "Traceback" not in starting.output
    await wait_all_gone(processes)  # what a server's own children need to end


async def test_a_second_ctrl_c_does_not_wait_for_who_hangs(tmp_path):
    async with UpProcess(tmp_path / "data") as up:
        await up.wait_ready()
        processes = up.descendants()
        os.kill(up.find_child("services.presence"), signal.SIGSTOP)
        up.process.send_signal(signal.SIGINT)
        await up.wait_line("Stopping")
        up.process.send_signal(signal.SIGINT)
        assert await up.wait_end() == 0
    assert "did not stop within" not in up.output
    await wait_all_gone(processes)
