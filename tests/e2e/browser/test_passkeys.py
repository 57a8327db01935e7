"""Passkeys in a real browser against the running system, with Chromium's virtual authenticator.

No page of ours is needed: scripts of the page's own origin do what its code will.
"""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, CDPSession, Error, Page

from tests.stack import Stack

PASSWORD = "correct horse 9"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
CALL = """
async ([path, body, token]) => {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(`/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return [response.status, await response.json()];
}
"""
CREATE = """
async (options) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return (await navigator.credentials.create({ publicKey })).toJSON();
}
"""
SIGN = """
async (options) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return (await navigator.credentials.get({ publicKey })).toJSON();
}
"""


class Visitor:
    """Somebody at a browser with an authenticator built in."""

    def __init__(self, page: Page, devtools: CDPSession, authenticator_id: str) -> None:
        self.page = page
        self._devtools = devtools
        self._authenticator_id = authenticator_id

    async def call(self, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        status, answer = await self.page.evaluate(CALL, [path, body or {}, token])
        return status, answer

    async def register(self, username: str) -> tuple[str, dict[str, Any]]:
        """Register with a password; return the access token and the user."""
        body = {"username": username, "password": PASSWORD}
        status, answer = await self.call("/auth/register", body)
        assert status == 201, answer
        return answer["tokens"]["access_token"], answer["user"]

    async def add_passkey(self, token: str) -> tuple[int, Any]:
        _, asked = await self.call("/auth/factors/passkeys/options", token=token)
        credential = await self.page.evaluate(CREATE, asked["options"])
        body = {"challenge_id": asked["challenge_id"], "credential": credential, "name": "This browser"}
        return await self.call("/auth/factors/passkeys", body, token)

    async def sign_in(self) -> tuple[int, Any]:
        _, asked = await self.call("/auth/passkey/options")
        credential = await self.page.evaluate(SIGN, asked["options"])
        body = {"challenge_id": asked["challenge_id"], "credential": credential}
        return await self.call("/auth/login/passkey", body)

    async def set_verified(self, is_verified: bool) -> None:
        """Whether the person's finger or PIN is the right one from now on."""
        asked = {"authenticatorId": self._authenticator_id, "isUserVerified": is_verified}
        await self._devtools.send("WebAuthn.setUserVerified", asked)


@pytest.fixture
async def visitor(stack: Stack, browser: Browser) -> AsyncIterator[Visitor]:
    context = await browser.new_context()
    page = await context.new_page()
    # Browsers have passkeys for names only, so this is not the address of the listener.
    await page.goto(f"http://localhost:{urlsplit(stack.gateway_urls[0]).port}")
    devtools = await context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    added = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield Visitor(page, devtools, added["authenticatorId"])
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
    await visitor.set_verified(False)
    with pytest.raises(Error, match="NotAllowedError"):
        await visitor.sign_in()

    # A script that asks for less gets a signature, and the server does not take it.
    _, asked = await visitor.call("/auth/passkey/options")
    lenient = asked["options"] | {"userVerification": "discouraged"}
    credential = await visitor.page.evaluate(SIGN, lenient)
    body = {"challenge_id": asked["challenge_id"], "credential": credential}
    status, refused = await visitor.call("/auth/login/passkey", body)
    assert (status, refused["error"]["code"]) == (401, "unauthenticated")

    await visitor.set_verified(True)
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
    credential = await visitor.page.evaluate(SIGN, asked["options"])
    await visitor.page.goto(own)
    body = {"challenge_id": asked["challenge_id"], "credential": credential}
    status, refused = await visitor.call("/auth/login/passkey", body)
    assert (status, refused["error"]["code"]) == (401, "unauthenticated")
    assert (await visitor.sign_in())[0] == 200
