"""The e-mail address and the password, changed in the settings."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx2
from playwright.async_api import expect

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.tab import PASSWORD
from tests.stack import Stack
from tests.wire import eventually

MAIL_DEADLINE_S = 30.0


async def test_a_new_password_counts_from_then_on_and_ends_the_other_logins(
    open_tab: TabFactory, unique: str
) -> None:
    anna, other = await open_tab(), await open_tab(node=1)
    await anna.sign_up(f"anna{unique}")
    await other.sign_in(f"anna{unique}")
    await other.expect_signed_in()
    page = await anna.open_settings("E-mail and password")
    await page.get_by_label("Present password").fill("not the password")
    await page.get_by_label("New password").fill("another horse 9")
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_label("Present password")).to_have_accessible_description(
        "This password is wrong."
    )
    await page.get_by_label("Present password").fill(PASSWORD)
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_role("status").filter(has_text="Your password is changed.")).to_be_visible()
    await expect(page.get_by_label("Present password")).to_have_value("")
    await expect(other.page.get_by_label("User name or e-mail")).to_be_visible()
    await other.sign_in(f"anna{unique}", "another horse 9")
    await other.expect_signed_in()


async def test_where_no_mail_is_sent_no_address_is_asked_for(open_tab: TabFactory, unique: str) -> None:
    anna = await open_tab()
    await anna.sign_up(f"anna{unique}")
    page = await anna.open_settings("E-mail and password")
    await expect(page.get_by_text("This server sends no mail")).to_be_visible()
    await expect(page.get_by_role("button", name="Send link")).to_have_count(0)


async def test_an_address_is_ones_own_once_its_link_was_opened(
    open_tab: TabFactory,
    stack_factory: Callable[..., Stack],
    tmp_path: Path,
    http: httpx2.AsyncClient,
    unique: str,
) -> None:
    mails = tmp_path / "mails"
    env = {"CHATCRAFT_AUTH_MAIL_DIR": str(mails), "CHATCRAFT_AUTH_PUBLIC_URL": "https://chat.example.org"}
    counts = {"messages": 1, "gateway": 1}
    async with stack_factory(counts=counts, env=env) as own:
        anna = await open_tab(url=own.gateway_urls[0])
        await anna.sign_up(f"anna{unique}")
        page = await anna.open_settings("E-mail and password")
        await page.get_by_role("textbox", name="E-mail address").fill(f"anna{unique}@mail.example")
        await page.get_by_role("button", name="Send link").click()
        await expect(page.get_by_text("A link is on its way to")).to_be_visible()
        await expect(page.get_by_text("You have given no address.")).to_be_visible()
        token = await wait_token(mails)
        verified = await http.post(f"{anna.url}/api/v1/auth/verify-email", json={"token": token})
        assert verified.status_code == 200
        # Whoever comes back to this tab sees it.
        await anna.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(page.get_by_text(f"anna{unique}@mail.example")).to_be_visible()
        await expect(page.get_by_text("verified", exact=True)).to_be_visible()
        await expect(page.get_by_text("A link is on its way to")).to_have_count(0)
        await anna.page.goto("about:blank")


async def wait_token(mails: Path) -> str:
    """Return what stands in the one mail's link, once it is written."""

    def read_links() -> list[str]:
        texts = [path.read_text(encoding="utf-8").replace("=\n", "") for path in mails.glob("*.eml")]
        return [link for text in texts for link in re.findall(r"verify-email#([\w-]+)", text)]

    return (await eventually(read_links, MAIL_DEADLINE_S))[0]
