"""One OpenID Connect provider: where to send somebody, and who it says has come back.

Authorization code with PKCE (OAuth 2.1), verified as OpenID Connect Core 1.0 and RFC 9207 demand.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx2
import msgspec
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError
from msgspec import Struct, field

from services.auth.oidc import id_token
from services.auth.oidc.fetching import TIMEOUT, Fetcher, Kept
from services.auth.oidc.flow_secrets import FlowSecrets
from services.auth.oidc.id_token import Expected, Jwk, NotBelieved
from services.auth.oidc.profile import Profile, misses, read_profile
from services.auth.oidc.settings import ProviderSettings, is_safe_url
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError, unavailable
from shared.telemetry import get_logger

log = get_logger(__name__)

CALLBACK_PATH = "/oidc/callback"
_DISCOVERY_PATH = "/.well-known/openid-configuration"
_KEPT_S = 3_600.0
# A token with a key that we do not know may have been signed by a new one; more often nobody asks.
_KEYS_AGAIN_AFTER_S = 60.0
# A command is answered within 10 s.
_PATIENCE_S = 8.0
# OpenID Connect Core 1.0, section 3.1.2.1: ask who it is, whatever session there is, and say when that was.
_ANEW = {"prompt": "login", "max_age": "0"}
_ADDRESS = {"email", "email_verified"}
_UNREADABLE = (httpx2.HTTPError, httpx2.InvalidURL, ValueError, msgspec.MsgspecError)


class Metadata(Struct, frozen=True):
    """What discovery tells (OpenID Connect Discovery 1.0, section 3), as far as it matters here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = field(default_factory=lambda: ["client_secret_basic"])
    authorization_response_iss_parameter_supported: bool = False


class Provider:
    """Asks the provider when somebody signs in there, not before: it may be down while we start."""

    def __init__(
        self, settings: ProviderSettings, public_url: str, transport: httpx2.AsyncBaseTransport
    ) -> None:
        self.settings = settings
        self._redirect_uri = public_url + CALLBACK_PATH
        self._transport = transport
        self._fetcher = Fetcher(transport)
        self._metadata = Kept(self._discover, _KEPT_S)
        self._keys = Kept(self._fetch_keys, _KEPT_S)
        self._keys_again_at = 0.0

    async def make_url(self, secrets: FlowSecrets) -> str:
        """Return where the browser goes. Raises ChatError `unavailable`."""
        async with self._patiently():
            metadata = await self._metadata.get()
        client = self._make_client(metadata)
        url: str
        url, _ = client.create_authorization_url(
            metadata.authorization_endpoint,
            state=secrets.state,
            nonce=secrets.nonce,
            code_verifier=secrets.verifier,
            **(_ANEW if secrets.is_proof else {}),
        )
        return url

    async def finish(
        self, secrets: FlowSecrets, code: str, issuer: str | None, since: datetime | None
    ) -> Profile:
        """Trade the code for who has signed in. Raises ChatError `unauthenticated`, `unavailable`.

        `since`: they must have been authenticated there after that; None: at any time.
        """
        try:
            async with self._patiently():
                metadata = await self._metadata.get()
                self._check_issuer(metadata, issuer)
                tokens = await self._trade(metadata, secrets, code)
                claims = await self._verify(tokens, secrets.nonce, since)
                claims = await self._complete(metadata, tokens, claims)
        except NotBelieved as exc:
            log.warning("oidc_not_believed", provider=self.settings.id, reason=str(exc))
            raise not_signed_in() from exc
        profile = read_profile(claims, self.settings)
        if profile is None:
            raise not_signed_in()
        return profile

    def _check_issuer(self, metadata: Metadata, issuer: str | None) -> None:
        """RFC 9207: of several providers, none can pass off its answer as another's."""
        if issuer is None:
            if metadata.authorization_response_iss_parameter_supported:
                raise NotBelieved("the answer does not say whose it is, which this provider always says")
        elif issuer != metadata.issuer:
            raise NotBelieved("the answer is another provider's")

    async def _trade(self, metadata: Metadata, secrets: FlowSecrets, code: str) -> dict[str, Any]:
        try:
            tokens: dict[str, Any] = await self._make_client(metadata).fetch_token(
                metadata.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=secrets.verifier,
                redirect_uri=self._redirect_uri,
            )
        except OAuthError as exc:
            if exc.error == "invalid_grant":
                raise NotBelieved("the provider does not know the code") from exc
            raise self._fail(exc) from exc
        except TypeError as exc:  # a time in the answer is a list, say
            raise self._fail(exc) from exc
        return tokens

    async def _verify(
        self, tokens: dict[str, Any], nonce: str, authenticated_since: datetime | None
    ) -> dict[str, Any]:
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise NotBelieved("there is no ID token")
        algorithm, key_id = id_token.read_header(token)
        key = await self._find_key(algorithm, key_id)
        expected = Expected(self.settings.issuer, self.settings.client_id, nonce, authenticated_since)
        return id_token.verify(token, key, algorithm, expected)

    async def _find_key(self, algorithm: str, key_id: str | None) -> Jwk:
        keys = await self._keys.get()
        key = id_token.choose_key(keys, algorithm, key_id)
        if key is None and time.monotonic() >= self._keys_again_at:
            self._keys_again_at = time.monotonic() + _KEYS_AGAIN_AFTER_S
            key = id_token.choose_key(await self._keys.replace(keys), algorithm, key_id)
        if key is None:
            raise NotBelieved("the ID token is signed with a key that the provider does not publish")
        return key

    async def _complete(
        self, metadata: Metadata, tokens: dict[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        """Ask the userinfo endpoint for what the ID token leaves out; what the token says goes first."""
        access_token = tokens.get("access_token")
        if (
            metadata.userinfo_endpoint is None
            or not misses(claims, self.settings)
            or not isinstance(access_token, str)
        ):
            return claims
        more = await self._fetcher.get(metadata.userinfo_endpoint, access_token)
        if more.get("sub") != claims["sub"]:
            raise NotBelieved("the userinfo endpoint speaks of somebody else")
        if not claims.keys() >= _ADDRESS:  # the address and whether it is verified come from one place
            claims = {name: value for name, value in claims.items() if name not in _ADDRESS}
        return more | claims

    async def _discover(self) -> Metadata:
        try:
            found = await self._fetcher.get(self.settings.issuer.removesuffix("/") + _DISCOVERY_PATH)
            metadata = msgspec.convert(found, Metadata)
            self._check_metadata(metadata)
        except _UNREADABLE as exc:
            raise self._fail(exc) from exc
        return metadata

    def _check_metadata(self, metadata: Metadata) -> None:
        issuer = self.settings.issuer
        if metadata.issuer != issuer:
            raise ValueError("its issuer is not the one that is set")
        endpoints = (
            metadata.authorization_endpoint,
            metadata.token_endpoint,
            metadata.jwks_uri,
            metadata.userinfo_endpoint,
        )
        is_local = issuer.startswith("http:")
        if not all(is_safe_url(url, may_be_loopback=is_local) for url in endpoints if url is not None):
            raise ValueError("an endpoint is not https")

    async def _fetch_keys(self) -> list[Jwk]:
        metadata = await self._metadata.get()
        try:
            found = await self._fetcher.get(metadata.jwks_uri)
            return msgspec.convert(found.get("keys"), list[Jwk])
        except _UNREADABLE as exc:
            raise self._fail(exc) from exc

    def _make_client(self, metadata: Metadata) -> AsyncOAuth2Client:
        """Return a client for one exchange: it keeps the tokens it gets."""
        supported = metadata.token_endpoint_auth_methods_supported
        method = "client_secret_basic" if "client_secret_basic" in supported else "client_secret_post"
        return AsyncOAuth2Client(
            self.settings.client_id,
            self.settings.client_secret,
            token_endpoint_auth_method=method if self.settings.client_secret else "none",
            scope=" ".join(self.settings.scopes),
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            transport=self._transport,
            timeout=TIMEOUT,
            follow_redirects=False,
        )

    @asynccontextmanager
    async def _patiently(self) -> AsyncIterator[None]:
        """The one table of what may go wrong on the way: all of it means that the provider is away."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                yield
        except TimeoutError as exc:
            raise self._fail(exc) from exc
        except _UNREADABLE as exc:
            raise self._fail(exc) from exc

    def _fail(self, exc: Exception) -> ChatError:
        reason = f"{type(exc).__name__}: {exc}"[:300]
        log.warning("oidc_provider_failed", provider=self.settings.id, reason=reason)
        return unavailable(f"{self.settings.name} cannot be reached at the moment")


def not_signed_in() -> ChatError:
    """Return the one answer to everything that does not hold."""
    return ChatError(ErrorCode.UNAUTHENTICATED, "the provider's answer was not accepted; sign in again")
