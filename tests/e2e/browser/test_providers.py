"""Signing in at an OpenID Connect provider, with a real one, as far as the pages are concerned."""

import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import httpx2
import pyotp
import pytest
from playwright.async_api import Route, expect

from deploy.local.data_dir import DataDir
from tests.e2e.browser.account_rows import age_logins
from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.mail_folder import MailFolder
from tests.e2e.browser.screen import Screen
from tests.e2e.browser.tab import Tab
from tests.oidc_providers import PUBLIC_URL, RunningProvider, describe, run_mock
from tests.stack import Stack
from tests.wire import PASSWORD, Person, read

CONTINUE = "Continue with Corp"


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[RunningProvider]:
    async with run_mock() as running:
        yield running


@pytest.fixture(scope="module")
def mails(tmp_path_factory: pytest.TempPathFactory) -> MailFolder:
    return MailFolder(tmp_path_factory.mktemp("provider_mails"))


@pytest.fixture(scope="module")
async def deployment(
    tmp_path_factory: pytest.TempPathFactory, provider: RunningProvider, mails: MailFolder
) -> AsyncIterator[Stack]:
    settings = describe({"id": "corp", "issuer": provider.url})
    env = {f"CHATCRAFT_{name.upper()}": value for name, value in settings.items()}
    env["CHATCRAFT_AUTH_MAIL_DIR"] = str(mails.path)
    with DataDir.open(tmp_path_factory.mktemp("providers") / "data") as data_dir:
        counts = {"gateway": 1, "messages": 1}
        async with Stack("test_providers", data_dir, counts=counts, env=env) as running:
            yield running


@pytest.fixture
async def tab(deployment: Stack, provider: RunningProvider, open_tab: TabFactory) -> Tab:
    """A browser for which the deployment's public address leads to its gateway, and nothing leads outside."""
    url = deployment.gateway_urls[0]
    tab = await open_tab(url=url)

    async def lead_back(route: Route) -> None:
        answer = await route.fetch(max_redirects=0)
        headers = {name: value.replace(PUBLIC_URL, url) for name, value in answer.headers.items()}
        await route.fulfill(response=answer, headers=headers)

    context, local = tab.page.context, urlsplit(url).hostname
    await context.route(lambda asked: urlsplit(asked).hostname != local, lambda route: route.abort())
    await context.route(f"{provider.url}/oauth2/authorize?**", lead_back)
    return tab


async def go_to_provider(tab: Tab, subject: str) -> None:
    """Leave for the provider, say there who one is, and come back."""
    await tab.button(CONTINUE).click()
    await tab.page.get_by_placeholder("sub").fill(subject)
    await tab.button("Authorize", exact=True).click()
    await tab.page.wait_for_url(f"{tab.url}/**")


async def sign_out(tab: Tab) -> None:
    await tab.button("Profile and settings").click()
    await tab.button("Sign out").click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Sign out").last.click()
    await expect(tab.button(CONTINUE)).to_be_visible()


@pytest.fixture
def register(
    deployment: Stack, http: httpx2.AsyncClient, mails: MailFolder
) -> Callable[[str, str], Awaitable[Person]]:
    """Makes people with a password and a verified address: `await register("anna", "anna@corp.example")`."""
    url = deployment.gateway_urls[0]

    async def register_one(username: str, address: str) -> Person:
        account = {"username": username, "password": PASSWORD, "email": address}
        read(await http.post(f"{url}/api/v1/auth/register", json=account))
        token = (await mails.wait_link(address, "verify-email")).partition("#")[2]
        read(await http.post(f"{url}/api/v1/auth/verify-email", json={"token": token}))
        return await sign_in(url, username, http)

    return register_one


async def sign_in(url: str, username: str, http: httpx2.AsyncClient) -> Person:
    """Return somebody with a fresh login."""
    login = {"login": username, "password": PASSWORD}
    signed_in = read(await http.post(f"{url}/api/v1/auth/login", json=login))
    return Person(url, signed_in["user"], signed_in["tokens"], http)


async def test_a_stranger_chooses_a_name_once_and_is_known_the_next_time(
    tab: Tab, provider: RunningProvider, unique: str
) -> None:
    claims = {"email": f"anna{unique}@corp.example", "email_verified": True, "name": "Anna Corp"}
    await provider.put_user(f"anna{unique}", preferred_username=f"anna{unique}", **claims)
    await go_to_provider(tab, f"anna{unique}")
    name = tab.page.get_by_label("User name")
    await expect(name).to_have_value(f"anna{unique}")
    await expect(tab.page.get_by_role("main")).to_contain_text(f"anna{unique}@corp.example")
    assert tab.page.url == f"{tab.url}/register"  # no code, no state
    assert await tab.page.evaluate("JSON.stringify(sessionStorage)") == "{}"
    await Screen(tab, "1280-light").check("register-newcomer")
    await tab.button("Create account", exact=True).click()
    await tab.expect_signed_in()
    await sign_out(tab)
    await go_to_provider(tab, f"anna{unique}")
    await tab.expect_signed_in()
    assert tab.page.url == f"{tab.url}/"


async def test_an_account_with_the_same_address_is_connected_by_its_owner_and_its_second_step_stays(
    tab: Tab, provider: RunningProvider, register: Callable[[str, str], Awaitable[Person]], unique: str
) -> None:
    address = f"bert{unique}@corp.example"
    bert = await register(f"bert{unique}", address)
    await provider.put_user(f"bert{unique}", email=address, email_verified=True)
    await go_to_provider(tab, f"bert{unique}")
    await expect(tab.page.get_by_role("alert").filter(has_text=address)).to_be_visible()
    await Screen(tab, "1280-light").check("sign-in-to-connect")
    await tab.sign_in(f"bert{unique}")
    dialog = tab.page.get_by_role("dialog", name="Connect Corp?")
    await expect(dialog).to_contain_text(address)
    await Screen(tab, "1280-light").check("connect")
    await dialog.get_by_role("button", name="Connect", exact=True).click()
    await expect(dialog).to_have_count(0)
    await sign_out(tab)

    # Connecting has ended the login of before.
    bert = await sign_in(bert.url, f"bert{unique}", bert.http)
    totp = pyotp.TOTP((await bert.rest("POST", "/auth/factors/totp"))["secret"])
    await bert.rest("POST", "/auth/factors/totp/confirm", {"code": totp.at(time.time())})
    await go_to_provider(tab, f"bert{unique}")
    code = tab.page.get_by_label("Code from your authenticator app")
    await code.fill(totp.at(time.time() + 30))
    await code.press("Enter")
    await tab.expect_signed_in()


async def test_who_is_turned_away_there_can_go_on_here(tab: Tab) -> None:
    await tab.button(CONTINUE).click()
    await tab.button("Deny").click()
    await expect(tab.page.get_by_role("alert")).to_have_text(re.compile("Corp did not sign you in"))
    assert tab.page.url == f"{tab.url}/oidc/callback"
    await Screen(tab, "1280-light").check("provider-denied")
    await tab.button("Back to signing in").click()
    await expect(tab.button(CONTINUE)).to_be_visible()


async def test_an_answer_that_was_not_asked_for_here_is_not_taken(tab: Tab) -> None:
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    await tab.page.goto(f"{tab.url}/oidc/callback?code=stolen&state={json.dumps('made up')}")
    await expect(tab.page.get_by_role("alert")).to_have_text(re.compile("not begun in this tab"))
    assert "stolen" not in tab.page.url
    assert not [path for path in asked if path.startswith("/api/v1/auth/oidc")]


async def test_who_is_signed_in_connects_an_account_there_and_disconnects_it(
    tab: Tab, provider: RunningProvider, register: Callable[[str, str], Awaitable[Person]], unique: str
) -> None:
    await register(f"carl{unique}", f"carl{unique}@home.example")
    await provider.put_user(f"carl{unique}", email=f"carl{unique}@corp.example", email_verified=True)
    await tab.sign_in(f"carl{unique}")
    page = await tab.open_settings("Sign-in and security")
    await page.get_by_role("button", name="Connect Corp", exact=True).click()
    await tab.page.get_by_placeholder("sub").fill(f"carl{unique}")
    await tab.button("Authorize", exact=True).click()
    await tab.page.wait_for_url(f"{tab.url}/settings/security")
    connected = page.get_by_role("list", name="Accounts elsewhere").get_by_role("listitem")
    await expect(connected).to_contain_text([f"carl{unique}@corp.example"])
    await expect(page.get_by_role("button", name="Connect Corp", exact=True)).to_have_count(0)
    await Screen(tab, "1280-light").check("settings-connected")

    await tab.button("Sign out", exact=True).click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    await go_to_provider(tab, f"carl{unique}")
    await tab.expect_signed_in()
    page = await tab.open_settings("Sign-in and security")
    await page.get_by_role("button", name="Disconnect Corp").click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    await expect(page.get_by_role("button", name="Connect Corp", exact=True)).to_be_visible()


async def test_who_signs_in_there_alone_shows_there_that_it_is_them_and_sets_a_password(
    tab: Tab, deployment: Stack, provider: RunningProvider, unique: str
) -> None:
    name = f"dora{unique}"
    await provider.put_user(name, preferred_username=name)
    await go_to_provider(tab, name)
    await tab.button("Create account", exact=True).click()
    await tab.expect_signed_in()
    await age_logins(deployment, name)
    page = await tab.open_settings("E-mail and password")
    await page.get_by_label("New password").fill("another horse 9")
    await page.get_by_role("button", name="Set password").click()
    dialog = tab.page.get_by_role("dialog", name="Is it you?")
    await expect(dialog.get_by_role("button", name="Confirm at Corp")).to_be_visible()
    assert await tab.find_violations() == []
    await dialog.get_by_role("button", name="Confirm at Corp").click()
    await tab.page.get_by_placeholder("sub").fill(name)
    await tab.button("Authorize", exact=True).click()
    await tab.page.wait_for_url(f"{tab.url}/settings/account")
    await expect(page.get_by_role("status").filter(has_text="It is you.")).to_be_visible()
    await page.get_by_label("New password").fill("another horse 9")
    await page.get_by_role("button", name="Set password").click()
    await expect(page.get_by_role("status").filter(has_text="Your password is set.")).to_be_visible()
    await expect(page.get_by_role("button", name="Change password")).to_be_visible()
    await tab.button("Sign out", exact=True).click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    await tab.sign_in(name, "another horse 9")
    await tab.expect_signed_in()
