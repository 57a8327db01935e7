"""Fixtures of the browser tests: one Chromium for the run, a context of its own for each person."""

import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.e2e.browser.tab import Tab
from tests.stack import ARTIFACTS, Stack

TabFactory = Callable[..., Awaitable[Tab]]

# The first is what `make browser` unpacks: the same engine without windows.
EXECUTABLES = (
    str(Path(__file__).parents[3] / ".venv/chromium/usr/lib/chromium/chromium-headless-shell"),
    "chromium",
    "chromium-browser",
    "google-chrome",
)
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
DEADLINE_MS = 45_000  # a busy machine's

expect.set_options(timeout=DEADLINE_MS)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The installed Chromium, else Playwright's own."""
    installed = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=installed, args=CHROMIUM_ARGS)
        yield launched
        await launched.close()


@pytest.fixture
async def open_tab(
    stack: Stack, browser: Browser, request: pytest.FixtureRequest
) -> AsyncIterator[TabFactory]:
    """Open a page in a fresh browser profile: `await open_tab(node=1, color_scheme="dark")`.

    A page that reports an error, a refused policy too, fails its test. What a failed one saw is kept.
    """
    tabs: list[Tab] = []
    failed_before = request.session.testsfailed

    async def open_one(node: int = 0, url: str | None = None, **options: Any) -> Tab:
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        context.set_default_timeout(DEADLINE_MS)
        tabs.append(await Tab.open(context, url or stack.gateway_urls[node]))
        return tabs[-1]

    yield open_one
    has_failed = request.session.testsfailed > failed_before
    for index, tab in enumerate(tabs):
        shot = ARTIFACTS / "browser" / f"{request.node.name[:60].replace('/', '_')}-{index}.png"
        if has_failed and not tab.page.is_closed():
            await tab.page.screenshot(path=shot)
        await tab.page.context.close()
    assert [problem for tab in tabs for problem in tab.problems] == []


@pytest.fixture
def unique() -> str:
    """Makes the names of a test its own: the stack is shared."""
    return uuid.uuid4().hex[:8]
