"""A person at a browser, for tests: what they do and what they see, in the words of the page.

Only names and roles that a screen reader knows are used: a control without a name cannot be tested.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, expect

PASSWORD = "correct horse 9"
AXE = Path(__file__).parents[3] / "web/node_modules/axe-core/axe.min.js"
# Media queries are looked at anew with each frame, before these: what follows from them is drawn then.
TWO_FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
# What a browser says by itself when the network is cut or an answer is an error: wanted in some tests.
HARMLESS = ("Failed to load resource", "WebSocket connection to", "ERR_INTERNET_DISCONNECTED")


@dataclass
class Tab:
    """One page of one person. `problems` gathers errors of the page, refused policies among them."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    @classmethod
    async def open(cls, context: BrowserContext, url: str) -> "Tab":
        tab = cls(await context.new_page(), url)
        tab.page.on("pageerror", lambda error: tab.problems.append(str(error)))
        tab.page.on("console", tab._on_console)
        await tab.page.goto(url)
        return tab

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(each in message.text for each in HARMLESS):
            self.problems.append(message.text)

    def button(self, name: str, **options: Any) -> Locator:
        return self.page.get_by_role("button", name=name, **options)

    def room_link(self, name: str) -> Locator:
        return self.page.get_by_role("navigation").get_by_role("link", name=name)

    def message(self, text: str) -> Locator:
        return self.page.get_by_role("log").get_by_role("article").filter(has_text=text)

    @property
    def composer(self) -> Locator:
        return self.page.locator("#composer-text")

    async def sign_up(self, username: str, display_name: str = "") -> None:
        await self.button("Create an account").click()
        await self.page.get_by_label("User name").fill(username)
        await self.page.get_by_label("Display name").fill(display_name or username)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.button("Create account", exact=True).click()
        await self.expect_signed_in()

    async def expect_welcomed(self) -> None:
        """The focus has come to where it goes after signing in: whoever moves it from here keeps it."""
        await expect(self.page.get_by_role("heading", name="Welcome to ChatCraft")).to_be_focused()

    async def sign_in(self, username: str, password: str = PASSWORD) -> None:
        await self.page.get_by_label("User name or e-mail").fill(username)
        await self.page.get_by_label("Password").fill(password)
        await self.button("Sign in", exact=True).click()

    async def expect_signed_in(self) -> None:
        await expect(self.page.get_by_role("navigation", name="Rooms")).to_be_visible()

    async def open_settings(self, section: str) -> Locator:
        """Open a section by its name in the list, from anywhere; return what shows it."""
        settings = self.page.get_by_role("navigation", name="Settings")
        back = self.button("Back to all settings")
        await self.page.evaluate(TWO_FRAMES)
        if await back.is_visible():  # a narrow screen
            await back.click()
        elif await settings.count() == 0:
            await self.button("Profile and settings").click()
        await settings.get_by_role("link", name=section, exact=True).click()
        shown = self.page.get_by_role("region", name=section, exact=True)
        await expect(shown).to_be_visible()
        return shown

    async def create_room(self, name: str, kind: str = "Public") -> None:
        await self.button("Create a room").first.click()
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_label("Name").fill(name)
        await dialog.get_by_label(kind).check()
        await dialog.get_by_role("button", name="Create room").click()
        await expect(self.page.get_by_role("heading", name=name).first).to_be_visible()

    async def join_room(self, name: str) -> None:
        await self.button("Browse rooms").first.click()
        await self.page.get_by_role("dialog").get_by_label("Find a room").fill(name)
        await self.button(f"Join {name}").click()
        await expect(self.page.get_by_role("heading", name=name).first).to_be_visible()

    async def open_dm(self, username: str) -> None:
        await self.button("New direct message").click()
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_label("Find people").fill(username)
        await dialog.get_by_text(f"@{username}").click()
        await dialog.get_by_role("button", name="Open conversation").click()
        await expect(dialog).to_have_count(0)

    async def send(self, text: str) -> None:
        await self.composer.fill(text)
        await self.composer.press("Enter")
        await expect(self.message(text)).to_be_visible()

    async def expect_sent(self, text: str) -> None:
        """It is stored: no longer dimmed, nothing left to say about it."""
        row = self.message(text)
        await expect(row).to_have_count(1)
        await expect(row).not_to_have_class("is-pending")
        await expect(self.page.locator(".message.is-pending").filter(has_text=text)).to_have_count(0)

    async def texts(self) -> list[str]:
        return await self.page.locator(".message-text").all_inner_texts()

    async def find_violations(self) -> list[str]:
        """What axe has against the page as it stands."""
        # Evaluated by the debugger, so that the page's own policy stays in force.
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]
