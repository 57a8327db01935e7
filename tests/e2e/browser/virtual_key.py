"""An authenticator that Chromium pretends to have: it makes and uses passkeys for the person."""

from dataclasses import dataclass
from typing import Any, Self

from playwright.async_api import CDPSession, Page

OPTIONS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class VirtualKey:
    """One authenticator of one page."""

    devtools: CDPSession
    authenticator_id: str

    @classmethod
    async def plug_in(cls, page: Page) -> Self:
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("WebAuthn.enable")
        added = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": OPTIONS})
        return cls(devtools, added["authenticatorId"])

    async def set_verified(self, is_verified: bool) -> None:
        """Whether the person's finger or PIN is the right one from now on."""
        await self._send("setUserVerified", isUserVerified=is_verified)

    async def count_passkeys(self) -> int:
        return len((await self._send("getCredentials"))["credentials"])

    async def _send(self, method: str, **fields: Any) -> Any:
        asked = {"authenticatorId": self.authenticator_id} | fields
        return await self.devtools.send(f"WebAuthn.{method}", asked)
