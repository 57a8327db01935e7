"""Each way of signing in, as a person goes it on the page, against the running system."""

import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.async_api import Route, expect
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.screen import SCREENS, Screen
from tests.e2e.browser.tab import Tab
from tests.e2e.browser.virtual_authenticator import VirtualAuthenticator
from tests.stack import Stack
from tests.wire import PASSWORD, People, Person

PASSKEY = "Sign in with a passkey"
ELSEWHERE = "/register"


@dataclass
class Holder:
    """Somebody with an account, at a browser that has an authenticator; not yet at the sign-in page.

    That one asks for passkeys as long as it is open, and a browser asks for one thing at a time.
    """

    tab: Tab
    person: Person
    authenticator: VirtualAuthenticator

    @property
    def username(self) -> str:
        return str(self.person.user["username"])

    async def arrive(self, *, is_present: bool = False) -> Tab:
        """Open the sign-in page. Present, the person takes the first passkey that the browser lists there."""
        await self.authenticator.set_present(is_present)
        await self.tab.page.goto(self.tab.url.removesuffix(ELSEWHERE))
        if not is_present:
            await expect(self.tab.button(PASSKEY)).to_be_visible()
        return self.tab

    async def use_passkey(self, button: str) -> None:
        """Touch the authenticator, and press a button, unless the browser's list was quicker."""
        await self.authenticator.set_present(True)
        with suppress(PlaywrightTimeoutError):
            await self.tab.button(button).click(timeout=5_000)

    async def add_passkey(self) -> str:
        """Return its id."""
        status, passkey = await self.authenticator.add_passkey(self.person.token)
        assert status == 201, passkey
        return str(passkey["id"])


async def turn_totp_on(person: Person) -> tuple[pyotp.TOTP, list[str]]:
    """Return what makes codes, and the recovery codes."""
    totp = pyotp.TOTP((await person.rest("POST", "/auth/factors/totp"))["secret"])
    confirmed = await person.rest("POST", "/auth/factors/totp/confirm", {"code": totp.at(time.time())})
    return totp, confirmed["recovery_codes"]


def next_code(totp: pyotp.TOTP) -> str:
    """A code counts once, and the present one has turned it on."""
    return totp.at(time.time() + 30)


def named_url(stack: Stack) -> str:
    """Browsers have passkeys for names only, so this is not the address of the listener."""
    return f"http://localhost:{urlsplit(stack.gateway_urls[0]).port}"


@pytest.fixture
def open_holder(stack: Stack, people: People, open_tab: TabFactory) -> Callable[..., Awaitable[Holder]]:
    async def open_one(**options: object) -> Holder:
        tab = await open_tab(url=named_url(stack) + ELSEWHERE, **options)
        authenticator = await VirtualAuthenticator.attach(tab.page)
        return Holder(tab, await people.register("anna"), authenticator)

    return open_one


@pytest.fixture
async def holder(open_holder: Callable[..., Awaitable[Holder]]) -> Holder:
    return await open_holder()


async def test_a_passkey_alone_signs_in(holder: Holder) -> None:
    await holder.add_passkey()
    tab = await holder.arrive()
    await holder.use_passkey(PASSKEY)
    await tab.expect_signed_in()
    await tab.page.reload()
    await tab.expect_signed_in()


async def test_a_passkey_chosen_from_the_browsers_own_list_signs_in_without_any_button(
    holder: Holder,
) -> None:
    await holder.add_passkey()
    tab = await holder.arrive(is_present=True)
    await tab.expect_signed_in()


async def test_a_passkey_that_the_person_refuses_is_explained_and_can_be_tried_again(holder: Holder) -> None:
    await holder.add_passkey()
    await holder.authenticator.set_verified(False)
    tab = await holder.arrive()
    await holder.use_passkey(PASSKEY)
    await expect(tab.page.get_by_role("alert").filter(has_text="was not used")).to_be_visible()
    await holder.authenticator.set_verified(True)
    await holder.use_passkey(PASSKEY)
    await tab.expect_signed_in()


async def test_a_passkey_that_is_known_no_more_is_not_accepted_and_the_password_still_is(
    holder: Holder,
) -> None:
    passkey_id = await holder.add_passkey()
    await holder.person.rest("DELETE", f"/auth/factors/passkeys/{passkey_id}")
    tab = await holder.arrive()
    await holder.use_passkey(PASSKEY)
    await expect(tab.page.get_by_role("alert").filter(has_text="was not accepted")).to_be_visible()
    await tab.sign_in(holder.username)
    await tab.expect_signed_in()


async def test_at_a_number_the_page_says_that_passkeys_need_a_name_and_leads_to_it(
    stack: Stack, open_tab: TabFactory
) -> None:
    tab = await open_tab()
    await expect(tab.page.get_by_text("Passkeys do not work at an address that is a number.")).to_be_visible()
    await expect(tab.button(PASSKEY)).to_have_count(0)
    await tab.page.get_by_role("link", name="localhost").click()
    await expect(tab.button(PASSKEY)).to_be_visible()
    assert tab.page.url.startswith(named_url(stack))


async def test_a_password_and_a_code_sign_in_and_a_wrong_code_is_said_beside_the_field(
    holder: Holder,
) -> None:
    totp, _ = await turn_totp_on(holder.person)
    tab = await holder.arrive()
    await tab.sign_in(holder.username)
    code = tab.page.get_by_label("Code from your authenticator app")
    await expect(code).to_be_focused()
    await code.fill("000000")
    await code.press("Enter")
    await expect(code).to_have_attribute("aria-invalid", "true")
    await expect(code).to_have_accessible_description(re.compile("wrong"))
    await code.fill(next_code(totp))
    await code.press("Enter")
    await tab.expect_signed_in()


async def test_a_recovery_code_signs_in_and_the_person_is_told_how_many_are_left(holder: Holder) -> None:
    _, codes = await turn_totp_on(holder.person)
    tab = await holder.arrive()
    await tab.sign_in(holder.username)
    await tab.button("Use a recovery code").click()
    field = tab.page.get_by_label("Recovery code")
    await expect(field).to_be_focused()
    await field.fill(codes[0])
    await field.press("Enter")
    dialog = tab.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("9 recovery codes are left")
    await dialog.get_by_role("button", name="Go on").click()
    await expect(dialog).to_have_count(0)
    await tab.expect_signed_in()


async def test_a_passkey_serves_as_the_second_step(holder: Holder) -> None:
    await holder.add_passkey()
    await turn_totp_on(holder.person)
    tab = await holder.arrive()
    await tab.sign_in(holder.username)
    await tab.button("Use a passkey").click()
    await expect(tab.button("Use a passkey")).to_be_focused()
    await holder.use_passkey("Use a passkey")
    await tab.expect_signed_in()


async def test_after_five_wrong_codes_one_begins_anew_and_is_told_why(holder: Holder) -> None:
    await turn_totp_on(holder.person)
    tab = await holder.arrive()
    await tab.sign_in(holder.username)
    code = tab.page.get_by_label("Code from your authenticator app")
    for number in range(6):
        async with tab.page.expect_response("**/auth/login/totp"):
            await code.fill(f"00000{number}")
            await code.press("Enter")
        # Busy, the form takes no second press.
        await expect(tab.button("Checking…")).to_have_count(0)
    await expect(tab.page.get_by_role("alert").filter(has_text="sign in again")).to_be_visible()
    await expect(tab.page.get_by_label("User name or e-mail")).to_be_focused()


async def test_both_steps_need_no_pointer(holder: Holder) -> None:
    _, codes = await turn_totp_on(holder.person)
    tab = await holder.arrive()
    keyboard = tab.page.keyboard
    await expect(tab.page.get_by_label("User name or e-mail")).to_be_focused()
    await keyboard.type(holder.username)
    await keyboard.press("Tab")
    await keyboard.type(PASSWORD)
    await keyboard.press("Enter")
    await expect(tab.page.get_by_label("Code from your authenticator app")).to_be_focused()
    await keyboard.press("Tab")
    await keyboard.press("Tab")
    await expect(tab.button("Use a recovery code")).to_be_focused()
    await keyboard.press("Enter")
    await expect(tab.page.get_by_label("Recovery code")).to_be_focused()
    await keyboard.type(codes[0])
    await keyboard.press("Enter")
    await expect(tab.page.get_by_role("dialog")).to_be_visible()
    await keyboard.press("Escape")
    await tab.expect_signed_in()


async def test_where_nobody_can_register_the_page_says_so(open_tab: TabFactory) -> None:
    tab = await open_tab()

    async def close(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, json=await answer.json() | {"registration": "closed"})

    await tab.page.route("**/auth/policy", close)
    await tab.page.goto(f"{tab.url}/register")
    await expect(tab.page.get_by_text("Nobody can register here.")).to_be_visible()
    await tab.button("Sign in").click()
    await expect(tab.page.get_by_text("New accounts are made by an administrator.")).to_be_visible()
    await expect(tab.button("Create an account")).to_have_count(0)


@pytest.mark.parametrize("look", SCREENS)
async def test_axe_finds_nothing_in_any_step(
    open_holder: Callable[..., Awaitable[Holder]], look: str
) -> None:
    width, scheme = look.split("-")
    holder = await open_holder(color_scheme=scheme, reduced_motion="reduce")
    await holder.tab.page.set_viewport_size({"width": int(width), "height": 800})
    await holder.add_passkey()
    _, codes = await turn_totp_on(holder.person)
    await holder.authenticator.set_verified(False)
    tab, screen = await holder.arrive(), Screen(holder.tab, look)
    await expect(tab.button(PASSKEY)).to_be_visible()
    await screen.check("passkey")
    await holder.use_passkey(PASSKEY)
    await expect(tab.page.get_by_role("alert").filter(has_text="was not used")).to_be_visible()
    await screen.check("passkey-refused")
    await tab.sign_in(holder.username)
    await tab.page.get_by_label("Code from your authenticator app").fill("000000")
    await tab.button("Continue").click()
    await expect(tab.page.get_by_text("This code is wrong")).to_be_visible()
    await screen.check("second-step-wrong")
    await tab.button("Use a passkey").click()
    await screen.check("second-step-passkey")
    await tab.button("Use a recovery code").click()
    await tab.page.get_by_label("Recovery code").fill(codes[0])
    await screen.check("second-step-recovery")
    await tab.button("Continue").click()
    await expect(tab.page.get_by_role("dialog")).to_be_visible()
    await screen.check("recovery-codes-left")
