"""Signing up, in and out, and staying signed in."""

import re

from playwright.async_api import expect

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.tab import Tab


async def test_a_reload_stays_signed_in_without_any_token_in_storage(
    open_tab: TabFactory, unique: str
) -> None:
    anna = await open_tab()
    await anna.sign_up(f"anna{unique}")
    await anna.page.reload()
    await anna.expect_signed_in()
    stored = await anna.page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    assert "eyJ" not in stored
    assert "refresh" not in stored


async def test_a_wrong_password_is_said_beside_the_form(open_tab: TabFactory, unique: str) -> None:
    anna = await open_tab()
    await anna.sign_in(f"nobody{unique}", "not the password")
    await expect(anna.page.get_by_role("alert")).not_to_be_empty()
    await expect(anna.button("Sign in", exact=True)).to_be_enabled()


async def test_a_refused_field_is_marked_and_explained(open_tab: TabFactory, unique: str) -> None:
    anna = await open_tab()
    await anna.button("Create an account").click()
    await anna.page.get_by_label("User name").fill(f"anna{unique}")
    await anna.page.get_by_label("Password").fill("short")
    await anna.button("Create account", exact=True).click()
    field = anna.page.get_by_label("Password")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description(re.compile("8"))


async def test_signing_out_in_one_tab_signs_out_the_other(open_tab: TabFactory, unique: str) -> None:
    anna = await open_tab()
    await anna.sign_up(f"anna{unique}")
    other = await Tab.open(anna.page.context, anna.url)
    await other.expect_signed_in()
    await anna.button("Profile and settings").click()
    await anna.button("Sign out").click()
    await anna.page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    await expect(anna.page.get_by_label("User name or e-mail")).to_be_visible()
    await expect(other.page.get_by_label("User name or e-mail")).to_be_visible()
    for tab in (anna, other):  # Nobody else did it.
        await expect(tab.page.get_by_text("This session was ended")).to_have_count(0)
    await anna.sign_in(f"anna{unique}")
    await anna.expect_signed_in()


async def test_several_tabs_that_load_at_once_all_stay_signed_in(open_tab: TabFactory, unique: str) -> None:
    anna = await open_tab()
    await anna.sign_up(f"anna{unique}")
    tabs = [await Tab.open(anna.page.context, anna.url) for _ in range(3)]
    for tab in tabs:
        await tab.page.reload()
    for tab in [anna, *tabs]:
        await tab.expect_signed_in()
