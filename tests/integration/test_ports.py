"""Ports between being chosen and being listened on: whoever starts at the same moment chooses others."""

import socket
import sys
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.data_dir import DataDir
from deploy.local.up import claim_port
from shared import listening
from shared.listening import bind_all, list_addresses
from tests.up_process import run_program


async def run_python(source: str) -> tuple[int, list[str]]:
    return await run_program(sys.executable, "-c", source)


async def test_a_port_that_one_process_has_chosen_no_other_chooses() -> None:
    port = ports.pick_free()
    choose = f"ports.FREE_PORTS = range({port}, {port + 1}); print(ports.pick_free())"
    code, lines = await run_python(f"from deploy.local import ports; {choose}")
    assert code != 0, lines
    assert "no free port" in lines[-1]


async def test_a_port_of_last_time_that_another_process_has_chosen_is_left_to_it(tmp_path: Path) -> None:
    with DataDir.open(tmp_path) as data_dir:
        port = data_dir.port("nats")
        assert data_dir.port("nats") == port
    ask = f"print(DataDir.open(Path({str(tmp_path)!r})).port('nats'))"
    code, lines = await run_python(
        f"from pathlib import Path; from deploy.local.data_dir import DataDir; {ask}"
    )
    assert code == 0, lines
    assert int(lines[-1]) != port


async def test_the_public_port_is_given_to_no_part_of_ours_that_had_it_last_time(tmp_path: Path) -> None:
    """Found by chance: `up` chose for its gateway the number that its PostgreSQL had had."""
    with DataDir.open(tmp_path) as data_dir:
        port = data_dir.port("postgres")
        with claim_port("localhost", port) as public:
            assert public == port
            assert not ports.is_free("127.0.0.1", port)
            assert data_dir.port("postgres") != port
        assert ports.is_free("localhost", port)


@pytest.mark.parametrize("number", [0, -1], ids=["first", "last"])
def test_a_port_of_localhost_is_free_only_if_it_is_at_all_of_its_addresses(number: int) -> None:
    port = ports.pick_free("localhost")
    assert ports.is_free("localhost", port)
    address = list_addresses("localhost")[number]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family):
        assert not ports.is_free("localhost", port)
    assert ports.is_free("localhost", port)


def test_an_address_that_this_machine_does_not_have_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_LOCALHOST", ("127.0.0.1", "2001:db8::1"))
    assert list_addresses("localhost") == ["127.0.0.1"]
    with pytest.raises(OSError, match=r"[Aa]ddress"):
        bind_all("2001:db8::1", 0)


def test_an_address_that_is_given_is_the_only_one() -> None:
    assert list_addresses("127.0.0.2") == ["127.0.0.2"]
