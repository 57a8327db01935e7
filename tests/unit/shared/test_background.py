"""Supervised tasks: they come back after a failure, and none is left behind."""

import asyncio
import contextlib

import pytest

from shared import background
from shared.background import Background

DEADLINE_S = 5


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(background, "_RESTART_S", 0.001)


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
    assert asyncio.all_tasks() == before


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
