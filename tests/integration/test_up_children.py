"""How a child process is started, watched and stopped, and how a supervisor keeps it running."""

import os
import signal
import sys
from io import StringIO
from pathlib import Path

import pytest

from deploy.local.child import MAX_LINE_BYTES, Child, Program
from deploy.local.console import Console
from deploy.local.errors import StartError
from deploy.local.supervisor import Supervisor, describe_end, retry_delay_s
from tests.up_process import wait_for


def read_group(pid: int) -> str:
    return Path(f"/proc/{pid}/autogroup").read_text().strip()


async def always(pid: int) -> bool:
    return True


async def never(pid: int) -> bool:
    return False


def python_child(script, log=lambda line: None, **options) -> Child:
    argv = (sys.executable, "-c", script)
    return Child(Program(**{"name": "trial", "argv": argv, "log": log, "is_ready": always} | options))


async def test_lines_arrive_whole_and_an_endless_one_is_cut():
    lines = []
    script = f"print('one'); print('x' * {3 * MAX_LINE_BYTES}); print('no newline', end='')"
    child = python_child(script, log=lines.append)
    await child.start()
    assert await child.wait() == 0
    assert lines[0] == "one"
    assert lines[-1] == "no newline"
    assert max(map(len, lines)) <= 2 * MAX_LINE_BYTES


async def test_a_child_that_ignores_the_request_to_stop_is_killed_after_its_grace():
    lines = []
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    child = python_child(f"import signal, time; {deaf}", log=lines.append, grace_s=0.2)
    await child.start()

    async def is_deaf() -> bool:
        return lines == ["deaf"]

    await wait_for(is_deaf, lambda: "it said nothing")
    assert await child.stop() is False
    assert await child.wait() == -signal.SIGKILL


@pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists(), reason="this kernel does not share processors by session"
)
async def test_a_child_that_stands_back_does_so_with_its_whole_session():
    child = python_child("import time; time.sleep(60)", niceness=10, stop_signal=signal.SIGKILL)
    await child.start()
    theirs, ours = read_group(child.pid), read_group(os.getpid())
    await child.stop()
    assert theirs.endswith(" nice 10")
    assert theirs != ours


async def test_waiting_for_a_child_that_ends_first_says_so():
    child = python_child("raise SystemExit(3)", is_ready=never)
    await child.start()
    assert await child.wait_ready(timeout_s=30) is False


async def test_a_service_that_cannot_start_is_reported_with_its_exit_code(monkeypatch):
    monkeypatch.setattr("deploy.local.supervisor.FIRST_RETRY_S", 0.01)
    shown = StringIO()
    with Console(shown) as console:
        supervisor = Supervisor(console)
        add = supervisor.add_layer()
        with pytest.raises(StartError, match="trial ended with exit code 3"):
            await add(python_child("raise SystemExit(3)", is_ready=never))
        await supervisor.stop()
    assert "trial ended with exit code 3; next try in 0.01 s" in shown.getvalue()


def test_retries_come_slower_and_slower_up_to_half_a_minute():
    delays = [retry_delay_s(failures) for failures in (1, 2, 3, 6, 7, 100)]
    assert delays == [0.5, 1.0, 2.0, 16.0, 30.0, 30.0]


def test_an_end_is_described_in_words():
    assert describe_end(1) == "ended with exit code 1"
    assert describe_end(-9) == "was killed by SIGKILL"


def test_a_console_whose_reader_has_gone_stops_nobody(tmp_path):
    with (tmp_path / "out").open("w") as closed:
        console = Console(closed)
    with console:
        console.say("nobody reads this")
