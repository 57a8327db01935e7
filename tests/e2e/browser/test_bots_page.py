"""Bots and API tokens, made in the settings and used over REST."""

import httpx2
import pytest
from playwright.async_api import Locator, expect

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.tab import Tab
from tests.wire import Person, Refused, new_id


async def make_token(tab: Tab, page: Locator, of: str, name: str, room: str = "") -> str:
    """Fill in the dialog, keep what is shown once, and return it."""
    await page.get_by_role("button", name=f"New API token for {of}").click()
    dialog = tab.page.get_by_role("dialog", name="New API token")
    await dialog.get_by_label("What it is for").fill(name)
    if room:
        await dialog.get_by_label("Only in some rooms").check()
        await dialog.get_by_label(room).check()
    await dialog.get_by_role("button", name="Create token").click()
    await expect(page.get_by_role("heading", name=f"The token “{name}”")).to_be_focused()
    token = await page.get_by_role("region", name=f"The token “{name}”").locator(".secret").inner_text()
    await page.get_by_role("button", name="I have kept it").click()
    await expect(page.get_by_text(token)).to_have_count(0)
    return token


async def test_a_bot_writes_with_its_token_until_that_is_revoked(
    open_tab: TabFactory, http: httpx2.AsyncClient, unique: str
) -> None:
    tab = await open_tab()
    await tab.sign_up(f"anna{unique}")
    await tab.create_room(f"tea {unique}")
    room_id = tab.page.url.rsplit("/", 1)[1]
    page = await tab.open_settings("Bots and API tokens")
    await page.get_by_label("User name of a new bot").fill(f"bot{unique}")
    await page.get_by_label("Display name (optional)").fill("Helper")
    await page.get_by_role("button", name="Create bot").click()
    # A group: what opens stands inside.
    await page.get_by_text("Helper", exact=True).click()
    token = await make_token(tab, page, "Helper", "reporter", f"tea {unique}")
    await expect(page.get_by_text(f"May read and write in tea {unique}.")).to_be_visible()

    bot = Person(tab.url, {}, {"access_token": token}, http)
    me = await bot.rest("GET", "/users/me")
    assert (me["username"], me["role"]) == (f"bot{unique}", "bot")
    own = await make_token(tab, page, "yourself", "script")
    anna = Person(tab.url, {}, {"access_token": own}, http)
    await anna.rest("POST", f"/rooms/{room_id}/members", {"user_ids": [me["id"]]})
    await bot.send(room_id, "Tea is ready.")
    await tab.button("Close settings").click()
    await expect(tab.message("Tea is ready.")).to_contain_text("Helper")

    page = await tab.open_settings("Bots and API tokens")
    await page.get_by_text("Helper", exact=True).click()
    await expect(page.get_by_text("Last used").first).to_be_visible()
    await page.get_by_role("button", name="Revoke reporter").click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Revoke token").click()
    await expect(page.get_by_role("status").filter(has_text="is revoked")).to_be_visible()
    await expect_refused(bot)
    await page.get_by_role("button", name="Delete Helper").click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Delete bot").click()
    await expect(page.get_by_role("list", name="Bots")).to_have_count(0)
    assert (await anna.rest("GET", "/users/me"))["username"] == f"anna{unique}"


async def test_a_taken_name_is_said_beside_it_and_a_token_without_rights_is_not_asked_for(
    open_tab: TabFactory, unique: str
) -> None:
    tab = await open_tab()
    await tab.sign_up(f"anna{unique}")
    page = await tab.open_settings("Bots and API tokens")
    await page.get_by_label("User name of a new bot").fill(f"anna{unique}")
    await page.get_by_role("button", name="Create bot").click()
    name = page.get_by_label("User name of a new bot")
    await expect(name).to_have_accessible_description("This name is taken.")
    await page.get_by_role("button", name="New API token for yourself").click()
    dialog = tab.page.get_by_role("dialog", name="New API token")
    await dialog.get_by_label("What it is for").fill(new_id()[:8])
    await dialog.get_by_label("Read").uncheck()
    await dialog.get_by_label("Write").uncheck()
    await expect(dialog.get_by_role("button", name="Create token")).to_have_attribute("aria-disabled", "true")
    await expect(dialog.get_by_text("Choose what it may do.")).to_be_visible()


async def expect_refused(person: Person) -> None:
    with pytest.raises(Refused) as refused:
        await person.rest("GET", "/users/me")
    assert refused.value.status == 401
