"""Ports between being chosen and being listened on: whoever starts at the same moment chooses others."""

import sys
from pathlib import Path

from deploy.local import ports
from deploy.local.data_dir import DataDir
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
