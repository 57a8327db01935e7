"""Ten minutes after signing in, what matters is changed only by who shows once more who they are."""

from playwright.async_api import expect

from tests.e2e.browser.account_rows import age_logins
from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.tab import PASSWORD
from tests.stack import Stack


async def test_the_password_is_asked_for_and_then_the_change_is_made(
    open_tab: TabFactory, stack: Stack, unique: str
) -> None:
    tab = await open_tab()
    await tab.sign_up(f"anna{unique}")
    page = await tab.open_settings("Sign-in and security")
    await age_logins(stack, f"anna{unique}")
    await page.get_by_role("button", name="Set up an authenticator app").click()
    dialog = tab.page.get_by_role("dialog", name="Is it you?")
    await expect(dialog.get_by_label("Password")).to_be_focused()
    assert await tab.find_violations() == []
    await dialog.get_by_label("Password").fill("not the password")
    await dialog.get_by_role("button", name="Confirm").click()
    await expect(dialog.get_by_text("This password is wrong.")).to_be_visible()
    await dialog.get_by_label("Password").fill(PASSWORD)
    await tab.page.keyboard.press("Enter")
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("img", name="QR code")).to_be_visible()
    # It counts for a while.
    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Set up an authenticator app").click()
    await expect(page.get_by_role("img", name="QR code")).to_be_visible()


async def test_who_does_not_prove_it_changes_nothing(open_tab: TabFactory, stack: Stack, unique: str) -> None:
    tab = await open_tab()
    await tab.sign_up(f"anna{unique}")
    page = await tab.open_settings("Bots and API tokens")
    await age_logins(stack, f"anna{unique}")
    await page.get_by_label("User name of a new bot").fill(f"bot{unique}")
    await page.get_by_role("button", name="Create bot").click()
    await expect(tab.page.get_by_role("dialog", name="Is it you?")).to_be_visible()
    await tab.page.keyboard.press("Escape")
    await expect(page.get_by_role("alert").filter(has_text="you did not confirm")).to_be_visible()
    await expect(page.get_by_role("list", name="Bots")).to_have_count(0)
    await expect(page.get_by_label("User name of a new bot")).to_have_value(f"bot{unique}")
