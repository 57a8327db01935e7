"""Everybody can use it: axe finds nothing, the keyboard reaches all, narrow screens lose nothing."""

import pytest
from playwright.async_api import expect

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.screen import SCREENS, Screen
from tests.e2e.browser.tab import PASSWORD

MARKDOWN = (
    "**Bold**, `code`, a [link](https://example.org) and\n\n> a quotation\n\n- a list\n\n"
    f"```\n{'code ' * 60}\n```"
)


@pytest.fixture(params=SCREENS)
async def screen(request: pytest.FixtureRequest, open_tab: TabFactory) -> Screen:
    width, scheme = request.param.split("-")
    tab = await open_tab(color_scheme=scheme, reduced_motion="reduce")
    await tab.page.set_viewport_size({"width": int(width), "height": 800})
    return Screen(tab, request.param)


async def test_axe_finds_nothing_around_signing_in(screen: Screen, unique: str) -> None:
    tab = screen.tab
    await expect(tab.page.get_by_label("User name or e-mail")).to_be_focused()
    await screen.check("sign-in")
    await tab.button("Create an account").click()
    await expect(tab.page.get_by_label("User name")).to_be_focused()
    await screen.check("sign-up")
    await tab.button("Sign in").click()
    await tab.sign_up(f"anna{unique}")
    await expect(tab.page.get_by_text("Write to somebody with +")).to_be_visible()
    await screen.check("empty")


async def test_axe_finds_nothing_in_a_room(screen: Screen, unique: str) -> None:
    tab = screen.tab
    await tab.sign_up(f"anna{unique}")
    await tab.create_room(f"tea {unique}")
    await tab.send("A first message, with a friendly greeting to nobody in particular.")
    await tab.composer.fill(MARKDOWN)
    await tab.composer.press("Enter")
    await expect(tab.page.locator(".message-text pre")).to_be_visible()
    await screen.check("room")
    await tab.page.locator(".message").last.hover()
    await screen.check("actions")
    await tab.composer.fill("@")
    await expect(tab.page.get_by_role("listbox")).to_be_visible()
    await screen.check("mention")
    await tab.button("Members,").click()
    await expect(tab.page.get_by_role("region", name="Members")).to_contain_text("owner")
    await screen.check("members")
    await tab.button("Leave room").click()
    await screen.check("confirm")


async def test_axe_finds_nothing_in_any_dialog(screen: Screen, unique: str) -> None:
    tab = screen.tab
    await tab.sign_up(f"anna{unique}")
    for opener in ("Browse rooms", "Create a room", "New direct message"):
        await tab.page.get_by_role("navigation").get_by_role("button", name=opener).first.click()
        await expect(tab.page.get_by_role("dialog")).to_be_visible()
        await screen.check(opener.lower().replace(" ", "-"))
        await tab.page.keyboard.press("Escape")
        await expect(tab.page.get_by_role("dialog")).to_have_count(0)


async def test_signing_up_and_making_rooms_need_no_pointer(open_tab: TabFactory, unique: str) -> None:
    tab = await open_tab()
    keyboard = tab.page.keyboard
    await tab.button("Create an account").focus()
    await keyboard.press("Enter")
    await tab.page.get_by_label("User name").focus()
    await keyboard.type(f"anna{unique}")
    await keyboard.press("Tab")
    await keyboard.press("Tab")
    await keyboard.type(PASSWORD)
    await keyboard.press("Enter")
    await tab.expect_welcomed()
    for name in (f"first {unique}", f"second {unique}"):
        await tab.button("Create a room").first.focus()
        await keyboard.press("Enter")
        await expect(tab.page.get_by_role("dialog").get_by_label("Name")).to_be_focused()
        await keyboard.type(name)
        await keyboard.press("Enter")
        await expect(tab.page.get_by_role("heading", name=name).first).to_be_visible()
        await expect(tab.composer).to_be_focused()
    # Jump to the other room by name, and around the panes.
    await keyboard.press("Control+k")
    await expect(tab.page.locator("#room-filter")).to_be_focused()
    await keyboard.type("first")
    await keyboard.press("Enter")
    await expect(tab.page.get_by_role("heading", name=f"first {unique}").first).to_be_visible()
    await expect(tab.composer).to_be_focused()
    await keyboard.press("F6")
    await keyboard.press("F6")
    await expect(tab.composer).to_be_focused()


async def test_writing_editing_and_deleting_need_no_pointer(open_tab: TabFactory, unique: str) -> None:
    tab = await open_tab()
    keyboard = tab.page.keyboard
    await tab.sign_up(f"anna{unique}")
    await tab.create_room(f"tea {unique}")
    await expect(tab.composer).to_be_focused()
    await keyboard.type("one")
    await keyboard.press("Shift+Enter")
    await keyboard.type("two")
    await keyboard.press("Enter")
    await tab.expect_sent("one")
    await keyboard.press("ArrowUp")
    await expect(tab.composer).to_have_value("one\ntwo")
    await keyboard.press("Control+a")
    await keyboard.type("three")
    await keyboard.press("Enter")
    await expect(tab.message("three")).to_contain_text("(edited)")
    await keyboard.press("Shift+Tab")
    await expect(tab.message("three")).to_be_focused()
    await keyboard.press("Enter")
    await keyboard.press("ArrowLeft")
    await keyboard.press("Enter")
    await expect(tab.page.get_by_role("dialog", name="Delete this message?")).to_be_visible()
    await tab.button("Delete message").focus()
    await keyboard.press("Enter")
    await expect(tab.message("This message was deleted.")).to_be_visible()


async def test_the_focus_returns_to_where_a_dialog_was_opened(open_tab: TabFactory, unique: str) -> None:
    tab = await open_tab()
    await tab.sign_up(f"anna{unique}")
    await tab.expect_welcomed()
    opener = tab.button("Create a room").first
    await opener.focus()
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.get_by_role("dialog")).to_be_visible()
    await tab.page.keyboard.press("Escape")
    await expect(opener).to_be_focused()


async def test_magnified_four_times_the_lists_are_no_slits(open_tab: TabFactory, unique: str) -> None:
    tab = await open_tab()
    await tab.sign_up(f"anna{unique}", "Anna")
    await tab.create_room(f"tea {unique}")
    await tab.page.set_viewport_size({"width": 320, "height": 200})
    await tab.button("Members,").click()
    await expect(tab.page.get_by_role("button", name="Anna (you)")).to_be_in_viewport(ratio=1)
    await tab.button("Leave room").scroll_into_view_if_needed()
    await expect(tab.button("Leave room")).to_be_in_viewport(ratio=1)
    await tab.button("Close members").click()
    await tab.button("Back to the rooms").click()
    await tab.room_link(f"tea {unique}").scroll_into_view_if_needed()
    await expect(tab.room_link(f"tea {unique}")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [320, 360, 720, 1100, 2560])
async def test_no_width_needs_sideways_scrolling(open_tab: TabFactory, unique: str, width: int) -> None:
    tab = await open_tab()
    await tab.sign_up(f"anna{unique}", "W" * 64)
    await tab.create_room(f"tea {unique}")
    await tab.send("w" * 400)
    await tab.page.set_viewport_size({"width": width, "height": 600})
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await tab.page.evaluate(overflow) == 0
    log = "(log => log.scrollWidth - log.clientWidth)(document.querySelector('[role=log]'))"
    assert await tab.page.evaluate(log) == 0
    await expect(tab.composer).to_be_in_viewport(ratio=1)
