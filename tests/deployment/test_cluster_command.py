"""`make cluster` from the outside: what it prints, what it keeps running, what it leaves behind."""

import os
import signal
import socket
import sys

import httpx2
import pytest

from deploy.cluster import haproxy
from deploy.cluster.topology import DEFAULT_COUNTS, Topology
from deploy.local.errors import StartError
from shared.listening import list_addresses
from tests.up_process import COMMAND as UP_COMMAND
from tests.up_process import UpProcess, run_program, wait_all_gone

COMMAND = (sys.executable, "-m", "deploy.cluster")
SMALL = ("--gateways", "1", "--auth", "1", "--messages", "1", "--presence", "1", "--nats", "1")


async def test_it_says_who_runs_where_mends_what_dies_and_leaves_nothing_behind(tmp_path):
    async with UpProcess(tmp_path / "data", *SMALL, command=COMMAND) as first:
        await first.wait_ready()
        processes = first.descendants()
        own_lines = [line.split() for line in first.lines if "│" not in line]
        address_by_name = {words[0]: words[2] for words in own_lines if words[1:2] == ["ready"]}
        assert set(address_by_name) == {
            "postgres", "valkey", "nats-1", "auth-1", "messages-1", "presence-1", "haproxy", "gateway-1"
        }  # fmt: skip
        hosts = {address.removeprefix("http://").split(":")[0] for address in address_by_name.values()}
        assert len(hosts) == len(address_by_name)
        assert address_by_name["haproxy"] == first.url
        async with httpx2.AsyncClient(timeout=30) as http:
            assert (await http.get(f"{first.url}/api/v1/auth/jwks")).status_code == 200
            assert first.url.startswith("http://localhost:")
            for each in list_addresses("localhost"):
                number = first.url.replace("localhost", f"[{each}]" if ":" in each else each)
                assert (await http.get(f"{number}/api/v1/auth/jwks")).status_code == 200
            os.kill(first.find_child("haproxy.cfg"), signal.SIGKILL)
            await first.wait_line("haproxy is ready again")
            assert (await http.get(f"{first.url}/api/v1/auth/jwks")).status_code == 200
        code, findings = await run_program(UP_COMMAND, "doctor", "--data-dir", str(first.data_dir))
        assert code == 0
        assert not any("not looked at" in line for line in findings)
        for name in ("nats", "redis", "process auth-1", "process gateway-1"):
            assert any(line.startswith(f"ok    {name}") for line in findings), findings
        processes |= first.descendants()
        first.process.send_signal(signal.SIGINT)
        assert await first.wait_end() == 0
    assert "Traceback" not in first.output
    assert "did not stop" not in first.output
    await wait_all_gone(processes)

    async with UpProcess(tmp_path / "data", *SMALL, command=COMMAND) as again:
        await again.wait_ready()
        processes = again.descendants()
        again.process.kill()
        await again.process.wait()
        await wait_all_gone(processes)


async def test_a_taken_port_is_named_with_the_way_out(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with UpProcess(tmp_path / "data", "--port", str(port), command=COMMAND) as process:
            assert await process.wait_end() == 1
    assert process.lines[-1].startswith(f"chatcraft: port {port} is taken by ")
    assert process.lines[-1].endswith("; use --port")
    assert "Traceback" not in process.output


def test_without_haproxy_it_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr(haproxy.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StartError, match="`make setup` brings one"):
        haproxy.find_haproxy()


def test_every_process_has_an_address_to_itself():
    topology = Topology(dict.fromkeys(DEFAULT_COUNTS, 9))
    hosts = topology.list_hosts()
    processes = [name for kind in DEFAULT_COUNTS for name in topology.list_names(kind)]
    processes += ["postgres", "valkey", "haproxy"]
    assert len({hosts[name] for name in processes}) == len(processes) == 48
    assert all(hosts[f"health_{name}"] == hosts[name] for name in topology.list_names("gateway"))


@pytest.mark.parametrize("counts", [{"gateway": 0}, {"gateway": 10}, {"door": 1}])
def test_a_topology_that_has_no_addresses_is_refused(counts):
    with pytest.raises(StartError):
        Topology({**DEFAULT_COUNTS, **counts})
