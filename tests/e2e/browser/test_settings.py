"""The settings themselves: the way in and out, the profile, narrow screens, the keyboard, axe."""

import re

import pytest
from playwright.async_api import expect

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.screen import Screen
from tests.e2e.browser.tab import Tab
from tests.e2e.browser.virtual_authenticator import VirtualAuthenticator

SECTIONS = (
    "Profile",
    "Appearance",
    "E-mail and password",
    "Sign-in and security",
    "Devices",
    "Privacy",
    "Bots and API tokens",
)
OVERFLOW = """
() => [document.documentElement, document.querySelector('.settings-scroll')]
  .map(each => each.scrollWidth - each.clientWidth)
"""


async def test_a_new_name_and_status_show_at_once(open_tab: TabFactory, unique: str) -> None:
    anna = await open_tab()
    await anna.sign_up(f"anna{unique}", "Anna")
    page = await anna.open_settings("Profile")
    await page.get_by_label("Display name").fill("Anna B.")
    await page.get_by_role("button", name="Save profile").click()
    await expect(page.get_by_text("Anna B.")).to_be_visible()
    await page.get_by_role("combobox", name="Status").select_option("Do not disturb")
    await page.get_by_label("Status text").fill("In the lab")
    await page.get_by_role("button", name="Set status").click()
    await expect(page.get_by_role("status").filter(has_text="Your status is set.")).to_be_visible()
    await anna.page.reload()  # without the list of rooms, which follows one's own status too
    await expect(anna.page.locator(".profile-head .presence-dnd")).to_be_visible()
    await expect(page.get_by_role("combobox", name="Status")).to_have_value("dnd")
    await expect(page.get_by_label("Status text")).to_have_value("In the lab")
    await anna.button("Close settings").click()
    await expect(anna.button("Anna B. @anna" + unique + " do not disturb")).to_be_visible()


async def test_they_are_left_for_the_room_where_they_were_opened(open_tab: TabFactory, unique: str) -> None:
    anna = await open_tab()
    await anna.sign_up(f"anna{unique}")
    await anna.create_room(f"tea {unique}")
    room = anna.page.url
    await anna.open_settings("Devices")
    await expect(anna.page).to_have_url(re.compile("/settings/devices$"))
    await expect(anna.page).to_have_title("Settings · ChatCraft")
    await anna.open_settings("Privacy")
    await anna.button("Close settings").click()
    await expect(anna.page).to_have_url(room)
    await expect(anna.composer).to_be_visible()


async def test_an_address_leads_to_its_section_also_for_who_must_sign_in_first(
    open_tab: TabFactory, unique: str
) -> None:
    anna = await open_tab()
    await anna.sign_up(f"anna{unique}")
    await anna.page.goto(f"{anna.url}/settings/privacy")
    await expect(anna.page.get_by_role("region", name="Privacy", exact=True)).to_be_visible()
    stranger = await open_tab()
    await stranger.page.goto(f"{stranger.url}/settings/privacy")
    await stranger.sign_in(f"anna{unique}")
    await expect(stranger.page.get_by_role("region", name="Privacy", exact=True)).to_be_visible()
    await stranger.button("Close settings").click()
    await stranger.expect_signed_in()


async def test_a_narrow_screen_shows_one_thing_at_a_time(open_tab: TabFactory, unique: str) -> None:
    anna = await open_tab()
    await anna.sign_up(f"anna{unique}")
    await anna.page.set_viewport_size({"width": 360, "height": 640})
    await anna.button("Profile and settings").click()
    settings = anna.page.get_by_role("navigation", name="Settings")
    await expect(settings.get_by_role("link", name="Profile")).to_be_focused()
    await expect(anna.page.get_by_role("region", name="Profile", exact=True)).to_have_count(0)
    await settings.get_by_role("link", name="Devices").click()
    await expect(settings).to_be_hidden()
    await expect(anna.page.get_by_role("heading", name="Devices")).to_be_focused()
    await anna.page.go_back()
    await expect(settings.get_by_role("link", name="Devices")).to_be_focused()
    await settings.get_by_role("link", name="Privacy").click()
    await anna.button("Back to all settings").click()
    await expect(settings.get_by_role("link", name="Privacy")).to_be_focused()
    await anna.button("Close settings").click()
    await expect(anna.button("Profile and settings")).to_be_focused()


async def test_sections_are_reached_and_changed_by_keyboard_alone(open_tab: TabFactory, unique: str) -> None:
    anna = await open_tab()
    keyboard = anna.page.keyboard
    await anna.sign_up(f"anna{unique}")
    await anna.expect_welcomed()
    await anna.button("Profile and settings").focus()
    await keyboard.press("Enter")
    await expect(anna.page.get_by_role("heading", name="Profile", exact=True)).to_be_focused()
    await keyboard.press("Tab")
    await expect(anna.page.get_by_label("Display name")).to_be_focused()
    await keyboard.press("F6")
    await keyboard.press("Tab")
    await keyboard.press("Tab")
    for _ in range(6):
        await keyboard.press("Tab")
    link = anna.page.get_by_role("link", name="Bots and API tokens")
    await expect(link).to_be_focused()
    await keyboard.press("Enter")
    await expect(anna.page.get_by_role("region", name="Bots and API tokens", exact=True)).to_be_visible()
    await expect(link).to_be_focused()
    await expect(link).to_have_attribute("aria-current", "page")
    await keyboard.press("F6")
    await keyboard.press("Tab")
    await expect(anna.page.get_by_label("User name of a new bot")).to_be_focused()
    await keyboard.type(f"bot{unique}")
    await keyboard.press("Enter")
    await expect(anna.page.get_by_role("heading", name="Bots", exact=True)).to_be_focused()
    await keyboard.press("Tab")
    await keyboard.press("Enter")
    await expect(anna.button(f"New API token for bot{unique}")).to_be_visible()
    await anna.button(f"Delete bot{unique}").focus()
    await keyboard.press("Enter")
    await expect(anna.page.get_by_role("dialog")).to_be_visible()
    await keyboard.press("Escape")
    await expect(anna.button(f"Delete bot{unique}")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_any_section(open_tab: TabFactory, unique: str, scheme: str) -> None:
    tab = await open_tab(color_scheme=scheme, reduced_motion="reduce")
    await tab.page.goto(tab.url.replace("127.0.0.1", "localhost"))
    await tab.sign_up(f"anna{unique}")
    await VirtualAuthenticator.attach(tab.page)
    await fill_account(tab, unique)
    for width in (1280, 768, 360):
        await tab.page.set_viewport_size({"width": width, "height": 800})
        for section in SECTIONS:
            await tab.open_settings(section)
            await expect(tab.page.locator("[aria-busy=true]")).to_have_count(0)
            name = re.sub(r"\W+", "-", section.lower())
            # The sections scroll by themselves: photographed whole, not by the first screenful alone.
            height = await tab.page.evaluate("document.querySelector('.settings-body').scrollHeight + 60")
            await tab.page.set_viewport_size({"width": width, "height": max(800, height)})
            await Screen(tab, f"{width}-{scheme}").check(f"settings-{name}")
            await tab.page.set_viewport_size({"width": width, "height": 800})
            assert await tab.page.evaluate(OVERFLOW) == [0, 0]
    await tab.button("Back to all settings").click()
    await Screen(tab, f"360-{scheme}").check("settings")


async def fill_account(tab: Tab, unique: str) -> None:
    """Let there be something in every section."""
    page = await tab.open_settings("Sign-in and security")
    await page.get_by_role("button", name="Add passkey").click()
    await expect(page.get_by_role("button", name=re.compile("^Rename "))).to_be_visible()
    await page.get_by_role("button", name="Set up an authenticator app").click()
    await expect(page.get_by_role("img", name="QR code")).to_be_visible()
    page = await tab.open_settings("Bots and API tokens")
    await page.get_by_label("User name of a new bot").fill(f"bot{unique}")
    await page.get_by_role("button", name="Create bot").click()
    await page.get_by_text(f"bot{unique}", exact=True).click()
    await page.get_by_role("button", name=f"New API token for bot{unique}").click()
    dialog = tab.page.get_by_role("dialog")
    await dialog.get_by_label("What it is for").fill("reporter")
    assert await tab.find_violations() == []
    await dialog.get_by_role("button", name="Create token").click()
    await expect(page.get_by_role("button", name="I have kept it")).to_be_visible()
