"""A page at one width and colour scheme: photographed and examined, state by state."""

from dataclasses import dataclass

from tests.e2e.browser.tab import Tab
from tests.stack import ARTIFACTS

SCREENS = [f"{width}-{scheme}" for scheme in ("light", "dark") for width in (1280, 360)]


@dataclass
class Screen:
    """Made by the fixtures of tests that go through `SCREENS`."""

    tab: Tab
    name: str

    async def check(self, state: str) -> None:
        """Photograph the page and let axe look at it."""
        await self.tab.page.screenshot(path=ARTIFACTS / "screens" / f"{self.name}-{state}.png")
        found = await self.tab.find_violations()
        assert not found, f"{state}: " + "\n".join(found)
