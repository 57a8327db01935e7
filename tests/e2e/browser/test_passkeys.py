"""Passkeys in a real browser against the running system, with Chromium's virtual authenticator.

No page of ours is needed: scripts of the page's own origin do what its code will.
"""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Error, Page

from tests.e2e.browser.virtual_authenticator import VirtualAuthenticator
from tests.stack import Stack

PASSWORD = "correct horse 9"


class Visitor:
    """Somebody at a browser with an authenticator built in."""

    def __init__(self, page: Page, authenticator: VirtualAuthenticator) -> None:
        self.page = page
        self.authenticator = authenticator
        self.call = authenticator.call
        self.add_passkey = authenticator.add_passkey

    async def register(self, username: str) -> tuple[str, dict[str, Any]]:
        """Register with a password; return the access token and the user."""
        body = {"username": username, "password": PASSWORD}
        status, answer = await self.call("/auth/register", body)
        assert status == 201, answer
        return answer["tokens"]["access_token"], answer["user"]

    async def sign_in(self) -> tuple[int, Any]:
        _, asked = await self.call("/auth/passkey/options")
        credential = await self.authenticator.sign(asked["options"])
        body = {"challenge_id": asked["challenge_id"], "credential": credential}
        return await self.call("/auth/login/passkey", body)


@pytest.fixture
async def visitor(stack: Stack, browser: Browser) -> AsyncIterator[Visitor]:
    context = await browser.new_context()
    page = await context.new_page()
    # Browsers have passkeys for names only, so this is not the address of the listener. Nor is it the
    # sign-in page: that one asks for passkeys itself as long as it is open.
    await page.goto(f"http://localhost:{urlsplit(stack.gateway_urls[0]).port}/docs")
    yield Visitor(page, await VirtualAuthenticator.attach(page))
    await context.close()


async def test_a_browser_makes_a_passkey_and_signs_in_with_it_alone(visitor: Visitor, unique: str) -> None:
    token, user = await visitor.register(f"anna{unique}")
    status, passkey = await visitor.add_passkey(token)
    assert (status, passkey.get("name")) == (201, "This browser"), passkey
    for _ in range(2):
        status, signed_in = await visitor.sign_in()
        assert (status, signed_in.get("user")) == (200, user), signed_in
    # What the browser was told to exclude, it does not make twice.
    with pytest.raises(Error, match="InvalidStateError"):
        await visitor.add_passkey(signed_in["tokens"]["access_token"])


async def test_a_person_whom_the_device_does_not_verify_is_not_let_in(visitor: Visitor, unique: str) -> None:
    token, _ = await visitor.register(f"bert{unique}")
    assert (await visitor.add_passkey(token))[0] == 201
    await visitor.authenticator.set_verified(False)
    with pytest.raises(Error, match="NotAllowedError"):
        await visitor.sign_in()

    # A script that asks for less gets a signature, and the server does not take it.
    _, asked = await visitor.call("/auth/passkey/options")
    lenient = asked["options"] | {"userVerification": "discouraged"}
    credential = await visitor.authenticator.sign(lenient)
    body = {"challenge_id": asked["challenge_id"], "credential": credential}
    status, refused = await visitor.call("/auth/login/passkey", body)
    assert (status, refused["error"]["code"]) == (401, "unauthenticated")

    await visitor.authenticator.set_verified(True)
    assert (await visitor.sign_in())[0] == 200


async def test_another_origin_of_the_same_host_is_refused(
    stack: Stack, visitor: Visitor, unique: str
) -> None:
    token, _ = await visitor.register(f"carl{unique}")
    assert (await visitor.add_passkey(token))[0] == 201
    _, asked = await visitor.call("/auth/passkey/options")
    own = visitor.page.url
    # The private port of a service serves plain text on localhost, but is no origin of the web client.
    await visitor.page.goto(stack.health_url("gateway").replace("127.0.0.1", "localhost") + "/livez")
    credential = await visitor.authenticator.sign(asked["options"])
    await visitor.page.goto(own)
    body = {"challenge_id": asked["challenge_id"], "credential": credential}
    status, refused = await visitor.call("/auth/login/passkey", body)
    assert (status, refused["error"]["code"]) == (401, "unauthenticated")
    assert (await visitor.sign_in())[0] == 200
