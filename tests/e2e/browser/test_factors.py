"""Passkeys, codes of an app and recovery codes, in the settings, against the running services."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.async_api import Locator, expect

from tests.e2e.browser.account_rows import age_logins, forget_totp_step, take_password_away
from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.tab import Tab
from tests.e2e.browser.virtual_authenticator import VirtualAuthenticator
from tests.stack import Stack

CODES = 10
# How many boxes an inline text is laid out in.
LINES = "code => code.getClientRects().length"

Enter = Callable[..., Awaitable[tuple[Tab, Locator]]]


@pytest.fixture
def enter(stack: Stack, open_tab: TabFactory) -> Enter:
    """Sign somebody up by a name, since browsers have passkeys for no numbers, and open this section."""

    async def sign_up_and_open(username: str, host: str = "localhost") -> tuple[Tab, Locator]:
        tab = await open_tab(url=f"http://{host}:{urlsplit(stack.gateway_urls[0]).port}")
        await tab.sign_up(username)
        return tab, await tab.open_settings("Sign-in and security")

    return sign_up_and_open


async def add_passkey(page: Locator, name: str) -> None:
    await page.get_by_label("Name of a new passkey").fill(name)
    await page.get_by_role("button", name="Add passkey").click()


async def turn_totp_on(page: Locator) -> tuple[pyotp.TOTP, list[str]]:
    """Return what makes its codes, and the recovery codes."""
    await page.get_by_role("button", name="Set up an authenticator app").click()
    secret = (await page.locator(".secret").inner_text()).replace(" ", "")
    totp = pyotp.TOTP(secret)
    await page.get_by_label("The code that the app shows").fill(totp.now())
    await page.get_by_role("button", name="Turn on").click()
    codes = page.get_by_role("list", name="Your recovery codes").get_by_role("listitem")
    await expect(codes).to_have_count(CODES)
    return totp, [text.strip() for text in await codes.all_inner_texts()]


async def test_a_passkey_is_added_renamed_used_and_removed(enter: Enter, stack: Stack, unique: str) -> None:
    tab, page = await enter(f"anna{unique}")
    await VirtualAuthenticator.attach(tab.page)
    await add_passkey(page, "Laptop")
    passkeys = page.get_by_role("list", name="Passkeys").get_by_role("listitem")
    await expect(passkeys).to_contain_text(["Laptop"])
    await expect(passkeys).to_contain_text(["Not used yet."])

    await page.get_by_role("button", name="Rename Laptop").click()
    await page.get_by_label("New name").fill("Old laptop")
    await page.get_by_role("button", name="Save").click()
    await expect(passkeys).to_contain_text(["Old laptop"])

    await age_logins(stack, f"anna{unique}")
    await page.get_by_role("button", name="Remove Old laptop").click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Remove passkey").click()
    proof = tab.page.get_by_role("dialog", name="Is it you?")
    await proof.get_by_role("button", name="Use a passkey").click()
    await expect(page.get_by_role("status").filter(has_text="is removed")).to_be_visible()
    await expect(passkeys).to_have_count(0)
    await expect(page.get_by_role("heading", name="Passkeys")).to_be_focused()


async def test_a_passkey_that_the_device_refuses_is_not_added_and_can_be_tried_again(
    enter: Enter, unique: str
) -> None:
    tab, page = await enter(f"anna{unique}")
    key = await VirtualAuthenticator.attach(tab.page)
    await key.set_verified(False)
    await add_passkey(page, "Laptop")
    await expect(page.get_by_role("alert").filter(has_text="was not used")).to_be_visible()
    await expect(page.get_by_role("list", name="Passkeys")).to_have_count(0)
    await key.set_verified(True)
    await page.get_by_role("button", name="Add passkey").click()
    await expect(page.get_by_role("listitem").filter(has_text="Laptop")).to_be_visible()
    # The same device makes no second one.
    await page.get_by_role("button", name="Add passkey").click()
    await expect(page.get_by_role("alert").filter(has_text="already")).to_be_visible()


async def test_where_passkeys_cannot_be_made_it_is_said_why(enter: Enter, unique: str) -> None:
    tab, page = await enter(f"anna{unique}", host="127.0.0.1")
    await VirtualAuthenticator.attach(tab.page)
    await add_passkey(page, "Laptop")
    await expect(page.get_by_role("alert").filter(has_text="do not work at this address")).to_be_visible()


async def test_the_last_way_in_is_not_removed(enter: Enter, stack: Stack, unique: str) -> None:
    tab, page = await enter(f"anna{unique}")
    await VirtualAuthenticator.attach(tab.page)
    await add_passkey(page, "Laptop")
    await expect(page.get_by_role("listitem").filter(has_text="Laptop")).to_be_visible()
    await take_password_away(stack, f"anna{unique}")
    await page.get_by_role("button", name="Remove Laptop").click()
    dialog = tab.page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Remove passkey").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("last way to sign in")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("listitem").filter(has_text="Laptop")).to_be_visible()


async def test_an_app_is_set_up_by_its_first_code_and_turned_off_again(enter: Enter, unique: str) -> None:
    tab, page = await enter(f"anna{unique}")
    await page.get_by_role("button", name="Set up an authenticator app").click()
    picture = page.get_by_role("img", name="QR code")
    await expect(picture).to_have_js_property("complete", True)
    assert await picture.evaluate("image => image.naturalWidth") > 0
    await page.get_by_label("The code that the app shows").fill("000000")
    await page.get_by_role("button", name="Turn on").click()
    await expect(page.get_by_text("This code is wrong.")).to_be_visible()
    await page.get_by_role("button", name="Cancel").click()

    await turn_totp_on(page)
    await expect(page.get_by_text(f"{CODES} recovery codes are left")).to_be_visible()
    await page.get_by_role("button", name="I have kept them").click()
    await expect(page.get_by_role("heading", name="Your recovery codes")).to_have_count(0)
    await page.get_by_role("button", name="Turn off").click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Turn off").click()
    await expect(page.get_by_role("button", name="Set up an authenticator app")).to_be_visible()


async def test_recovery_codes_are_shown_until_they_are_kept_copied_and_saved(
    enter: Enter, unique: str, tmp_path: Path
) -> None:
    tab, page = await enter(f"anna{unique}")
    await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    _, codes = await turn_totp_on(page)
    await expect(page.get_by_role("heading", name="Your recovery codes")).to_be_focused()
    # Looking at something else loses nothing.
    await tab.open_settings("Devices")
    await tab.open_settings("Sign-in and security")
    await expect(page.get_by_text(codes[0])).to_be_visible()
    for width in (1280, 360):
        await tab.page.set_viewport_size({"width": width, "height": 800})
        lines = [await page.get_by_text(code).evaluate(LINES) for code in codes]
        assert lines == [1] * len(codes)

    await page.get_by_role("button", name="Copy the recovery codes").click()
    await expect(page.get_by_text("Copied.")).to_be_visible()
    copied = await tab.page.evaluate("navigator.clipboard.readText()")
    async with tab.page.expect_download() as download:
        await page.get_by_role("button", name="Save").click()
    saved = tmp_path / "codes.txt"
    await (await download.value).save_as(saved)
    for kept in (copied, saved.read_text(encoding="utf-8")):
        assert all(code in kept for code in codes)
        assert f"@anna{unique}" in kept

    await tab.page.emulate_media(media="print")
    await expect(page.get_by_text(codes[0])).to_be_visible()
    await expect(page.get_by_role("heading", name="Passkeys")).to_be_hidden()
    await expect(page.get_by_role("button", name="Print")).to_be_hidden()
    await tab.page.emulate_media(media="screen")


async def test_a_recovery_code_proves_who_it_is_and_new_ones_take_the_place_of_the_rest(
    enter: Enter, stack: Stack, unique: str
) -> None:
    tab, page = await enter(f"anna{unique}")
    _, codes = await turn_totp_on(page)
    await page.get_by_role("button", name="I have kept them").click()
    await age_logins(stack, f"anna{unique}")
    await page.get_by_role("button", name="New recovery codes").click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Make new codes").click()
    proof = tab.page.get_by_role("dialog", name="Is it you?")
    await expect(proof.get_by_label("Password")).to_have_count(0)
    await proof.get_by_label(re.compile("recovery code")).fill(codes[0])
    await proof.get_by_role("button", name="Confirm").click()
    shown = page.get_by_role("list", name="Your recovery codes").get_by_role("listitem")
    await expect(shown).to_have_count(CODES)
    assert not set(codes) & {text.strip() for text in await shown.all_inner_texts()}


async def test_a_code_of_the_app_proves_who_it_is(enter: Enter, stack: Stack, unique: str) -> None:
    tab, page = await enter(f"anna{unique}")
    totp, _ = await turn_totp_on(page)
    await page.get_by_role("button", name="I have kept them").click()
    await age_logins(stack, f"anna{unique}")
    await forget_totp_step(stack, f"anna{unique}")
    await page.get_by_role("button", name="Turn off").click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Turn off").click()
    proof = tab.page.get_by_role("dialog", name="Is it you?")
    await proof.get_by_label(re.compile("Code of your app")).fill(totp.now())
    await proof.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_role("button", name="Set up an authenticator app")).to_be_visible()
