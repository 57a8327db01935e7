"""Supervised tasks: they come back after a failure, and none is left behind."""

import asyncio
import contextlib
from typing import Any

import pytest

from shared import background, outages
from shared.background import Background
from shared.errors import ChatError, not_found, unavailable
from shared.outages import Outage
from shared.telemetry import FAILURES
from tests.wire import eventually

DEADLINE_S = 30


class Log:
    """Keeps what is logged: the event, and what stands beside it."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def log(self, event: str, **told: Any) -> None:
        self.lines.append((event, told))

    info = warning = error = log

    def of(self, event: str) -> list[dict[str, Any]]:
        return [told for name, told in self.lines if name == event]


class Store:
    """Can be away, and knows its own exceptions."""

    def __init__(self) -> None:
        self.is_away = True
        self.failures = 0

    async def ask(self) -> None:
        if self.is_away:
            self.failures += 1
            raise ConnectionRefusedError("secret-host")

    def translate(self, exc: Exception) -> ChatError | None:
        return unavailable("the store does not answer") if isinstance(exc, ConnectionRefusedError) else None

    async def use_forever(self) -> None:
        while True:
            await self.ask()
            await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(background, "_RESTART_S", 0.001)
    monkeypatch.setattr(background, "_RESTART_MAX_S", 0.005)
    monkeypatch.setattr(outages, "_ASK_EVERY_S", 0.001)
    monkeypatch.setattr(outages, "_CALM_S", 0.01)


@pytest.fixture
def log(monkeypatch) -> Log:
    kept = Log()
    monkeypatch.setattr(background, "log", kept)
    monkeypatch.setattr(outages, "log", kept)
    return kept


async def test_work_that_fails_is_started_again_until_it_returns():
    attempts = 0
    done = asyncio.Event()

    async def work() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise RuntimeError("not yet")
        done.set()

    async with Background() as tasks, asyncio.timeout(DEADLINE_S):
        tasks.run("trying", work)
        await done.wait()
    assert attempts == 3


async def test_leaving_cancels_what_still_runs():
    cancelled = asyncio.Event()
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with Background() as tasks:
        tasks.run("for ever", work)
        await started.wait()
    assert cancelled.is_set()


async def test_a_single_run_that_fails_harms_nobody():
    failed, finished = asyncio.Event(), asyncio.Event()

    async def fail() -> None:
        failed.set()
        raise RuntimeError("broken")

    async def finish() -> None:
        await failed.wait()
        finished.set()

    async with Background() as tasks, asyncio.timeout(DEADLINE_S):
        tasks.spawn("fails", fail())
        tasks.spawn("finishes", finish())
        await finished.wait()


async def test_nothing_is_left_when_it_ends():
    before = asyncio.all_tasks()
    started = asyncio.Semaphore(0)

    async def work() -> None:
        started.release()
        await asyncio.Event().wait()

    async with Background() as tasks, asyncio.timeout(DEADLINE_S):
        for _ in range(50):
            tasks.spawn("once", work())
            tasks.run("supervised", work)
        for _ in range(100):
            await started.acquire()
    assert asyncio.all_tasks() <= before


async def test_a_task_that_misses_its_cancellation_is_asked_again():
    """As `asyncio.wait_for` does up to Python 3.11 when result and cancellation meet."""
    is_running = asyncio.Event()

    async def miss_the_first() -> None:
        is_running.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    async with asyncio.timeout(DEADLINE_S), Background() as tasks:
        tasks.run("deaf", miss_the_first)
        await is_running.wait()


async def test_while_a_store_is_away_each_task_says_so_once_and_all_say_once_that_they_go_on(log):
    store = Store()
    async with Background(Outage(store.ask, store.translate)) as tasks:
        for name in ("one", "other"):
            tasks.run(name, store.use_forever)
        await eventually(lambda: store.failures > 20)
        store.is_away = False
        await eventually(lambda: log.of("tasks_go_on"))
        store.is_away = True
        await eventually(lambda: len(log.of("task_failed")) == 4)
        store.is_away = False
        await eventually(lambda: len(log.of("tasks_go_on")) == 2)
    assert [told["task"] for told in log.of("task_failed")[:2]] == ["one", "other"]
    assert {told["task"] for told in log.of("task_failed")[2:]} == {"one", "other"}
    assert {told["reason"] for told in log.of("task_failed")} == {"the store does not answer"}
    assert all("exc_info" not in told for _, told in log.lines)
    assert log.of("tasks_go_on")[0]["tasks"] == ["one", "other"]
    assert len(log.lines) == 6


async def test_a_task_that_cannot_go_on_although_the_store_answers_does_not_say_so_again_and_again(
    log, monkeypatch
):
    """As on a full disk."""
    monkeypatch.setattr(outages, "_CALM_S", 60)
    store = Store()
    full = Store()
    store.is_away = False
    async with Background(Outage(store.ask, store.translate)) as tasks:
        tasks.run("writes", full.use_forever)
        await eventually(lambda: full.failures > 20)
    assert [event for event, _ in log.lines] == ["task_failed"]


async def test_a_task_that_goes_on_by_itself_says_so_once_too_and_is_no_failed_task(log):
    store = Store()
    counted = FAILURES.labels("patient")._value.get()
    async with Background(Outage(store.ask, store.translate)) as tasks:
        for _ in range(3):
            tasks.note("patient", unavailable("who?"), 0.001)
        store.is_away = False
        await eventually(lambda: log.of("tasks_go_on"))
    assert log.of("task_failed") == [{"task": "patient", "reason": "who?", "retry_in_s": 0.001}]
    assert FAILURES.labels("patient")._value.get() == counted


async def test_what_nobody_expects_is_logged_whole_each_time(log):
    failures = [ValueError("bug"), not_found("room"), ExceptionGroup("", [OSError(), ValueError()])]

    async def work() -> None:
        if failures:
            raise failures.pop(0)

    store = Store()
    expected = list(failures)
    async with Background(Outage(store.ask, store.translate)) as tasks:
        tasks.run("broken", work)
        await eventually(lambda: not failures)
    assert [told["exc_info"] for told in log.of("task_failed")] == expected


async def test_several_failures_of_one_store_at_once_are_one_line(log):
    async def work() -> None:
        raise ExceptionGroup("", [ConnectionRefusedError(), ExceptionGroup("", [unavailable("no bus")])])

    store = Store()
    async with Background(Outage(store.ask, store.translate)) as tasks:
        tasks.spawn("many", work())
        await eventually(lambda: log.lines)
    assert log.of("task_failed") == [
        {"task": "many", "reason": "the store does not answer", "retry_in_s": 0.0}
    ]


async def test_a_process_without_a_store_logs_whole(log):
    async def work() -> None:
        raise failure

    failure = unavailable("who?")
    async with Background() as tasks:
        tasks.spawn("fails", work())
        await eventually(lambda: log.lines)
    assert log.of("task_failed")[0]["exc_info"] is failure
