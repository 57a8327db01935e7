"""An authenticator within Chromium, as telephones have one, and scripts that use it without our pages."""

from typing import Any, Self

from playwright.async_api import CDPSession, Page

_OPTIONS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
_CALL = """
async ([path, body, token]) => {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(`/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return [response.status, await response.json()];
}
"""
_CREATE = """
async (options) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return (await navigator.credentials.create({ publicKey })).toJSON();
}
"""
_SIGN = """
async (options) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return (await navigator.credentials.get({ publicKey })).toJSON();
}
"""


class VirtualAuthenticator:
    """Built into one page's browser: it has the passkeys that are made there."""

    def __init__(self, page: Page, devtools: CDPSession, authenticator_id: str) -> None:
        self._page = page
        self._devtools = devtools
        self._id = authenticator_id

    @classmethod
    async def attach(cls, page: Page, **options: Any) -> Self:
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("WebAuthn.enable")
        added = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": _OPTIONS | options})
        return cls(page, devtools, added["authenticatorId"])

    async def set_verified(self, is_verified: bool) -> None:
        """Whether the person's finger or PIN is the right one from now on."""
        asked = {"authenticatorId": self._id, "isUserVerified": is_verified}
        await self._devtools.send("WebAuthn.setUserVerified", asked)

    async def set_present(self, is_present: bool) -> None:
        """Whether somebody touches it when it asks; as it comes, yes."""
        asked = {"authenticatorId": self._id, "enabled": is_present}
        await self._devtools.send("WebAuthn.setAutomaticPresenceSimulation", asked)

    async def call(self, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        """POST as the page's own scripts do."""
        status, answer = await self._page.evaluate(_CALL, [path, body or {}, token])
        return status, answer

    async def sign(self, options: Any) -> Any:
        return await self._page.evaluate(_SIGN, options)

    async def add_passkey(self, token: str) -> tuple[int, Any]:
        """Make a passkey for the owner of an access token."""
        _, asked = await self.call("/auth/factors/passkeys/options", token=token)
        credential = await self._page.evaluate(_CREATE, asked["options"])
        body = {"challenge_id": asked["challenge_id"], "credential": credential, "name": "This browser"}
        return await self.call("/auth/factors/passkeys", body, token)
