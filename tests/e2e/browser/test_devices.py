"""Where somebody is signed in, and ending that from elsewhere."""

from playwright.async_api import expect

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.tab import Tab


async def expect_signed_out(tab: Tab) -> None:
    await expect(tab.page.get_by_label("User name or e-mail")).to_be_visible()
    await expect(tab.page.get_by_text("This session was ended from another device.")).to_be_visible()


async def test_one_device_and_then_all_others_are_signed_out(open_tab: TabFactory, unique: str) -> None:
    here = await open_tab(node=0)
    await here.sign_up(f"anna{unique}")
    elsewhere = [await open_tab(node=1, user_agent=f"Mozilla/5.0 ({name}) Firefox/140.0") for name in
                 ("Windows NT 10.0", "Android 16", "iPhone; CPU iPhone OS")]  # fmt: skip
    for tab in elsewhere:
        await tab.sign_in(f"anna{unique}")
        await tab.expect_signed_in()

    page = await here.open_settings("Devices")
    logins = page.get_by_role("list", name="Where you are signed in").get_by_role("listitem")
    await expect(logins).to_have_count(4)
    await expect(logins.first).to_contain_text("this device")
    await expect(logins.first).to_contain_text("127.0.0.1")
    await expect(logins.first.get_by_role("button")).to_have_count(0)

    await page.get_by_role("button", name="Sign out Firefox on Windows").click()
    await here.page.get_by_role("dialog").get_by_role("button", name="Sign out device").click()
    await expect_signed_out(elsewhere[0])
    await expect(logins).to_have_count(3)
    await expect(page.get_by_role("heading", name="Where you are signed in")).to_be_focused()
    await elsewhere[1].expect_signed_in()

    await page.get_by_role("button", name="Sign out all others").click()
    await here.page.get_by_role("dialog").get_by_role("button", name="Sign out all others").click()
    for tab in elsewhere[1:]:
        await expect_signed_out(tab)
    await expect(logins).to_have_count(1)
    await here.page.reload()
    await expect(logins).to_have_count(1)
