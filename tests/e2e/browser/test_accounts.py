"""Getting an account and getting back into it, on the pages and by the mails of the running system."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator

import httpx2
import pytest
from playwright.async_api import Locator, expect

from deploy.local.data_dir import DataDir
from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.mail_folder import MailFolder
from tests.e2e.browser.screen import SCREENS, Screen
from tests.e2e.browser.tab import Tab
from tests.stack import Stack
from tests.wire import PASSWORD, read

POLICY = {
    "CHATCRAFT_AUTH_TERMS_VERSION": "2026-01",
    "CHATCRAFT_AUTH_TERMS_URL": "https://chat.example.org/terms",
    "CHATCRAFT_AUTH_MINIMUM_AGE": "16",
    "CHATCRAFT_AUTH_PUBLIC_URL": "https://chat.example.org",
}
COUNTS = {"gateway": 1, "messages": 1}
NEW_PASSWORD = "battery staple 7"


class Deployment:
    """A stack with a policy of its own, and its mails."""

    def __init__(self, stack: Stack, mails: MailFolder) -> None:
        self.stack = stack
        self.mails = mails
        self.url = stack.gateway_urls[0]

    async def create_account(self, username: str, *options: str) -> str:
        """Make one at the command line, whatever the policy says; return its one-time password."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.auth.admin", "create-user", username, *options,
            env=os.environ | {"CHATCRAFT_DATABASE_URL": self.stack.endpoints.database_url},
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate()
        found = re.search(r"One-time password: (\S+)", output.decode())
        assert found is not None, output
        return found[1]


class Inviting(Deployment):
    """Registration is by invitation, with terms and a minimum age."""

    token = ""

    async def invite(self, http: httpx2.AsyncClient) -> str:
        """Return the path of a link that is good for one account."""
        if not self.token:
            login = {"login": "boss", "password": await self.create_account("boss", "--admin")}
            signed_in = read(await http.post(f"{self.url}/api/v1/auth/login", json=login))
            self.token = signed_in["tokens"]["access_token"]
        headers = {"Authorization": f"Bearer {self.token}"}
        made = read(await http.post(f"{self.url}/api/v1/invitations", json={}, headers=headers))
        return f"/join#{made['token']}"


@pytest.fixture(scope="module")
async def inviting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inviting]:
    mails = MailFolder(tmp_path_factory.mktemp("inviting_mails"))
    env = POLICY | {"CHATCRAFT_AUTH_REGISTRATION": "invite", "CHATCRAFT_AUTH_MAIL_DIR": str(mails.path)}
    with DataDir.open(tmp_path_factory.mktemp("inviting") / "data") as data_dir:
        async with Stack("test_accounts_inviting", data_dir, counts=COUNTS, env=env) as running:
            yield Inviting(running, mails)


@pytest.fixture(scope="module")
async def of_a_domain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    mails = MailFolder(tmp_path_factory.mktemp("domain_mails"))
    env = {
        "CHATCRAFT_AUTH_REGISTRATION": "domain",
        "CHATCRAFT_AUTH_PROOF_OF_WORK_BITS": "10",
        "CHATCRAFT_AUTH_REGISTRATION_DOMAINS": "corp.example",
        "CHATCRAFT_AUTH_PUBLIC_URL": "https://chat.example.org",
        "CHATCRAFT_AUTH_MAIL_DIR": str(mails.path),
    }
    with DataDir.open(tmp_path_factory.mktemp("domain") / "data") as data_dir:
        async with Stack("test_accounts_domain", data_dir, counts=COUNTS, env=env) as running:
            yield Deployment(running, mails)


async def fill_form(tab: Tab, username: str, email: str = "", password: str = PASSWORD) -> None:
    await tab.page.get_by_label("User name").fill(username)
    await tab.page.get_by_label("E-mail address").fill(email)
    await tab.page.get_by_label("Password").fill(password)


async def accept(tab: Tab) -> None:
    await tab.page.get_by_label("I accept the terms of use").check()
    await tab.page.get_by_label("I am at least 16").check()


def problem_of(tab: Tab, label: str) -> Locator:
    """The field, once it is marked as wrong."""
    return tab.page.get_by_label(label).and_(tab.page.locator("[aria-invalid=true]"))


async def register(tab: Tab, link: str, username: str, email: str = "") -> None:
    await tab.page.goto(f"{tab.url}{link}")
    await fill_form(tab, username, email)
    await accept(tab)
    await tab.button("Create account", exact=True).click()
    await tab.expect_signed_in()


async def test_an_invitation_leads_to_an_account_once_terms_and_age_are_accepted(
    inviting: Inviting, open_tab: TabFactory, http: httpx2.AsyncClient, unique: str
) -> None:
    link = await inviting.invite(http)
    anna = await open_tab(url=inviting.url + link)
    await expect(anna.page.get_by_label("User name")).to_be_focused()
    assert "#" not in anna.page.url
    await fill_form(anna, f"anna{unique}")
    create = anna.button("Create account", exact=True)
    await create.click()
    # The browser itself points at what is not ticked.
    await expect(anna.page.get_by_label("I accept the terms of use")).to_be_focused()
    await expect(anna.page.get_by_role("link", name="terms of use")).to_have_attribute(
        "href", "https://chat.example.org/terms"
    )
    await accept(anna)
    await create.click()
    await anna.expect_signed_in()
    assert anna.page.url == f"{anna.url.removesuffix(link)}/"
    await anna.page.reload()
    await anna.expect_signed_in()
    await expect(anna.page.get_by_role("dialog")).to_have_count(0)

    bert = await open_tab(url=inviting.url + link)
    await fill_form(bert, f"bert{unique}")
    await accept(bert)
    await bert.button("Create account", exact=True).click()
    await expect(problem_of(bert, "Invitation")).to_have_accessible_description(re.compile("cannot be used"))
    # What was typed is still there, and another invitation is all it needs.
    await bert.page.get_by_label("Invitation").fill(f"https://chat.example.org{await inviting.invite(http)}")
    await bert.button("Create account", exact=True).click()
    await bert.expect_signed_in()


async def test_what_is_wrong_with_a_new_account_stands_beside_its_field(
    inviting: Inviting, open_tab: TabFactory, http: httpx2.AsyncClient, unique: str
) -> None:
    link = await inviting.invite(http)
    anna = await open_tab(url=inviting.url + link)
    password = anna.page.get_by_label("Password")
    await expect(password).to_have_accessible_description(re.compile("8 to 128 characters"))
    await accept(anna)
    for wrong, words in (("short", "at least 8 characters"), ("password1", "most common")):
        await fill_form(anna, f"anna{unique}", password=wrong)
        await anna.button("Create account", exact=True).click()
        await expect(problem_of(anna, "Password")).to_have_accessible_description(re.compile(words))
    await fill_form(anna, "boss")
    await anna.button("Create account", exact=True).click()
    await expect(problem_of(anna, "User name")).to_have_accessible_description(re.compile("is taken"))
    await fill_form(anna, f"anna{unique}")
    await anna.button("Create account", exact=True).click()
    await anna.expect_signed_in()


async def test_who_has_not_accepted_what_is_in_force_is_asked_after_signing_in(
    inviting: Inviting, open_tab: TabFactory, http: httpx2.AsyncClient, unique: str
) -> None:
    password = await inviting.create_account(f"carl{unique}")
    carl = await open_tab(url=inviting.url)
    await carl.sign_in(f"carl{unique}", password)
    dialog = carl.page.get_by_role("dialog", name="Before you go on")
    await expect(dialog).to_contain_text("at least 16")
    # Put off is not accepted.
    await carl.page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await carl.page.reload()
    await dialog.get_by_role("button", name="I accept").click()
    await expect(dialog).to_have_count(0)
    login = {"login": f"carl{unique}", "password": password}
    token = read(await http.post(f"{inviting.url}/api/v1/auth/login", json=login))["tokens"]["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    consents = read(await http.get(f"{inviting.url}/api/v1/consents", headers=headers))
    assert {each["kind"] for each in consents["consents"]} == {"terms", "age"}
    assert consents["due"] == []


async def test_the_mailed_link_confirms_the_address_once_and_only_when_the_button_is_pressed(
    inviting: Inviting, open_tab: TabFactory, http: httpx2.AsyncClient, unique: str
) -> None:
    address = f"anna{unique}@mail.example"
    anna = await open_tab(url=inviting.url)
    await register(anna, await inviting.invite(http), f"anna{unique}", address)
    link = await inviting.mails.wait_link(address, "verify-email")
    for _ in range(2):  # a program that looks into mails opens it, too
        other = await open_tab(url=inviting.url + link)
        await expect(other.button("Confirm my address")).to_be_visible()
        assert "#" not in other.page.url
    await anna.page.goto(inviting.url + link)
    await anna.button("Confirm my address").click()
    await expect(anna.page.get_by_role("heading", name="Thank you")).to_be_focused()
    await anna.button("Open ChatCraft").click()
    await anna.expect_signed_in()
    await other.button("Confirm my address").click()
    await expect(other.page.get_by_text("This link does not work")).to_be_visible()
    await other.button("Ask for another link").click()
    await expect(other.page.get_by_label("E-mail address")).to_be_focused()


async def test_a_forgotten_password_is_set_anew_by_the_mailed_link(
    inviting: Inviting, open_tab: TabFactory, http: httpx2.AsyncClient, unique: str
) -> None:
    address = f"anna{unique}@mail.example"
    anna = await open_tab(url=inviting.url)
    await register(anna, await inviting.invite(http), f"anna{unique}", address)
    await anna.page.goto(inviting.url + await inviting.mails.wait_link(address, "verify-email"))
    await anna.button("Confirm my address").click()
    await expect(anna.page.get_by_role("heading", name="Thank you")).to_be_visible()

    other = await open_tab(url=inviting.url)
    said = []
    for asked in (f"nobody{unique}@mail.example", address):
        await other.button("Forgot your password?").click()
        await other.page.get_by_label("E-mail address").fill(asked)
        await other.button("Send the link").click()
        await expect(other.page.get_by_role("heading", name="Look into your mail")).to_be_focused()
        said.append((await other.page.get_by_role("main").inner_text()).replace(asked, "…"))
        await other.button("Sign in").click()
    assert said[0] == said[1]

    await other.page.goto(inviting.url + await inviting.mails.wait_link(address, "reset-password"))
    assert "#" not in other.page.url
    field = other.page.get_by_label("New password")
    await expect(field).to_be_focused()
    await field.fill("password1")
    await field.press("Enter")
    await expect(problem_of(other, "New password")).to_have_accessible_description(re.compile("most common"))
    await field.fill(NEW_PASSWORD)
    await field.press("Enter")
    await expect(other.page.get_by_role("heading", name="Your password is new")).to_be_focused()
    await other.button("Sign in").click()
    await other.sign_in(f"anna{unique}", PASSWORD)
    await expect(other.page.get_by_role("alert").filter(has_text="wrong")).to_be_visible()
    await other.sign_in(address, NEW_PASSWORD)
    await other.expect_signed_in()
    # The other device is out.
    await anna.page.goto(inviting.url)
    await expect(anna.page.get_by_label("User name or e-mail")).to_be_visible()


async def test_where_a_domain_decides_one_gets_in_once_the_address_is_confirmed(
    of_a_domain: Deployment, open_tab: TabFactory, unique: str
) -> None:
    anna = await open_tab(url=f"{of_a_domain.url}/register")
    address = f"anna{unique}@corp.example"
    await fill_form(anna, f"anna{unique}", f"anna{unique}@elsewhere.example")
    await anna.button("Create account", exact=True).click()
    await expect(problem_of(anna, "E-mail address")).to_have_accessible_description(
        re.compile("must be an address at corp.example")
    )
    await anna.page.get_by_label("E-mail address").fill(address)
    await anna.button("Create account", exact=True).click()
    await expect(anna.page.get_by_role("heading", name="Look into your mail")).to_be_focused()
    await expect(anna.page.get_by_role("main")).to_contain_text(address)

    await anna.page.goto(of_a_domain.url)
    await anna.sign_in(f"anna{unique}")
    await expect(anna.page.get_by_role("alert").filter(has_text="waits to be confirmed")).to_be_visible()
    await anna.button("Send it again").click()
    await anna.page.get_by_label("E-mail address").fill(address)
    await anna.button("Send the link").click()
    await expect(anna.page.get_by_role("heading", name="Look into your mail")).to_be_visible()

    links = await of_a_domain.mails.wait_links(address, "verify-email", count=2)
    await anna.page.goto(of_a_domain.url + links[0])
    await anna.button("Confirm my address").click()
    await anna.button("Sign in").click()
    await anna.sign_in(f"anna{unique}")
    await anna.expect_signed_in()


@pytest.fixture(params=SCREENS)
async def screen(request: pytest.FixtureRequest, inviting: Inviting, open_tab: TabFactory) -> Screen:
    width, scheme = request.param.split("-")
    tab = await open_tab(url=inviting.url, color_scheme=scheme, reduced_motion="reduce")
    await tab.page.set_viewport_size({"width": int(width), "height": 800})
    return Screen(tab, request.param)


async def test_axe_finds_nothing_around_getting_an_account(
    screen: Screen, inviting: Inviting, unique: str
) -> None:
    tab = screen.tab
    await tab.button("Create an account").click()
    await expect(tab.page.get_by_label("Invitation")).to_be_focused()
    await screen.check("register-uninvited")
    await tab.page.get_by_label("Invitation").fill("nonsense")
    await fill_form(tab, "boss", password="password1")
    await accept(tab)
    await tab.button("Create account", exact=True).click()
    await expect(problem_of(tab, "Password")).to_be_visible()
    await screen.check("register-refused")
    await tab.button("Sign in").click()
    await tab.sign_in(f"carl{unique}", await inviting.create_account(f"carl{unique}"))
    await expect(tab.page.get_by_role("dialog", name="Before you go on")).to_be_visible()
    await screen.check("terms-due")


async def test_axe_finds_nothing_on_the_pages_of_mailed_links(screen: Screen, unique: str) -> None:
    tab = screen.tab
    await expect(tab.button("Forgot your password?")).to_be_visible()
    await screen.check("sign-in-with-mail")
    await tab.button("Forgot your password?").click()
    await expect(tab.page.get_by_label("E-mail address")).to_be_focused()
    await screen.check("forgotten")
    await tab.page.get_by_label("E-mail address").fill(f"nobody{unique}@mail.example")
    await tab.button("Send the link").click()
    await expect(tab.page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    await screen.check("mail-sent")
    for page, title in (
        ("verify-email", "Confirm your address"),
        ("reset-password", "Choose a new password"),
    ):
        await tab.page.goto(f"{tab.url}/{page}#{unique}")
        await expect(tab.page.get_by_role("heading", name=title)).to_be_visible()
        await screen.check(page)
        await tab.page.goto(f"{tab.url}/{page}")
        await expect(tab.page.get_by_text("This link does not work")).to_be_visible()
        await screen.check(f"{page}-spent")
