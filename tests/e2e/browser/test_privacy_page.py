"""A copy of one's data, and the end of one's account, from the settings and against the running services."""

import re
import zipfile
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import expect

from tests.e2e.browser.account_rows import age_logins
from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.screen import Screen
from tests.e2e.browser.tab import PASSWORD, Tab
from tests.stack import Stack

MADE_WITHIN_MS = 60_000
NOBODY_CHOOSES = "delete window.showSaveFilePicker"
CHOOSE_KEPT = """
window.showSaveFilePicker = async ({ suggestedName }) =>
  (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true })
"""
READ_KEPT = """
async () => {
  const folder = await navigator.storage.getDirectory();
  for await (const [name, handle] of folder.entries()) return [name, (await handle.getFile()).size];
}
"""


async def test_an_export_is_made_saved_and_deleted(open_tab: TabFactory, unique: str, tmp_path: Path) -> None:
    tab = await open_tab()
    await tab.page.add_init_script(NOBODY_CHOOSES)
    await tab.page.reload()
    await tab.sign_up(f"anna{unique}")
    await tab.create_room(f"tea {unique}")
    await tab.send("Is there any tea left?")
    await tab.expect_sent("Is there any tea left?")
    page = await tab.open_settings("Privacy")
    await page.get_by_role("button", name="Request an export").click()
    exports = page.get_by_role("list", name="A copy of your data").get_by_role("listitem")
    await expect(exports).to_have_count(1)
    # Nobody looks again: the server tells when it is there.
    await expect(exports.get_by_role("button", name="Download")).to_be_visible(timeout=MADE_WITHIN_MS)
    await expect(page.get_by_role("status").filter(has_text="Your export is ready.")).to_be_visible()
    async with tab.page.expect_download() as downloading:
        await exports.get_by_role("button", name="Download").click()
    download = await downloading.value
    assert re.fullmatch(r"chatcraft-export-\d{4}-\d\d-\d\d\.zip", download.suggested_filename)
    saved = tmp_path / "export.zip"
    await download.save_as(saved)
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        assert any(b"Is there any tea left?" in archive.read(name) for name in archive.namelist())
    await exports.get_by_role("button", name="Delete").click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Delete export").click()
    await expect(exports).to_have_count(0)
    await expect(page.get_by_role("heading", name="A copy of your data")).to_be_focused()


async def test_an_export_goes_straight_to_the_file_that_was_chosen(open_tab: TabFactory, unique: str) -> None:
    tab = await open_tab()
    await tab.page.goto(tab.url.replace("127.0.0.1", "localhost"))
    await tab.page.add_init_script(CHOOSE_KEPT)
    await tab.page.reload()
    await tab.sign_up(f"anna{unique}")
    page = await tab.open_settings("Privacy")
    await page.get_by_role("button", name="Request an export").click()
    await page.get_by_role("button", name="Download").click(timeout=MADE_WITHIN_MS)
    await expect(page.get_by_role("status").filter(has_text="Your export is saved.")).to_be_visible()
    name, size = await tab.page.evaluate(READ_KEPT)
    assert name.endswith(".zip")
    assert size > 0


@pytest.mark.parametrize("messages", ["Erase my messages", "Leave my messages without my name"])
async def test_an_account_is_erased_by_who_types_its_name_and_proves_to_be_its_owner(
    open_tab: TabFactory, stack: Stack, http: httpx2.AsyncClient, unique: str, messages: str
) -> None:
    anna, elsewhere, bert = await open_tab(), await open_tab(node=1), await open_tab(node=1)
    await anna.sign_up(f"anna{unique}", "Anna")
    await elsewhere.sign_in(f"anna{unique}")
    await bert.sign_up(f"bert{unique}", "Bert")
    await anna.create_room(f"tea {unique}")
    await anna.send("Is there any tea left?")
    await bert.join_room(f"tea {unique}")
    await expect(bert.message("Is there any tea left?")).to_be_visible()

    page = await anna.open_settings("Privacy")
    await age_logins(stack, f"anna{unique}")
    await page.get_by_label(messages).check()
    erase = page.get_by_role("button", name="Erase my account")
    await expect(erase).to_have_attribute("aria-disabled", "true")
    await page.get_by_label("Type your user name to confirm").fill(f"anna{unique}")
    await erase.click()
    proof = anna.page.get_by_role("dialog", name="Is it you?")
    await proof.get_by_label("Password").fill(PASSWORD)
    await proof.get_by_role("button", name="Confirm").click()

    await expect(anna.page.get_by_role("heading", name="Your account is being erased")).to_be_focused()
    receipt = await anna.page.locator(".secret").inner_text()
    await expect(anna.page.get_by_text("All is erased.")).to_be_visible(timeout=MADE_WITHIN_MS)
    await Screen(anna, "1280-light").check("farewell")
    shown = (await http.get(f"{anna.url}/api/v1/erasures/{receipt}")).json()
    assert shown["state"] == "finished"
    await anna.button("I have kept it").click()
    await expect_gone(anna, unique)
    await expect(elsewhere.page.get_by_text("This account has been deactivated.")).to_be_visible()
    if messages.startswith("Erase"):
        await expect(bert.message("Is there any tea left?")).to_have_count(0)
    else:
        await bert.page.reload()
        await bert.room_link(f"tea {unique}").click()
        await expect(bert.message("Is there any tea left?")).to_contain_text("Deleted user")


async def expect_gone(tab: Tab, unique: str) -> None:
    await tab.sign_in(f"anna{unique}")
    await expect(tab.page.get_by_role("alert")).not_to_be_empty()
