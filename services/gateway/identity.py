"""Who presents a token: verification by cached keys, verdicts cached, revocations asked every time.

Used at every door: REST, handshake, `auth.reauth`. Works on while the auth service is away.
"""

import asyncio
import hashlib

from services.gateway.api_tokens import ApiTokens
from services.gateway.revocations import Revocations
from shared import api_tokens, calls
from shared.bus import Bus
from shared.clock import Clock
from shared.contracts import internal
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.telemetry import get_logger
from shared.tokens import Claims, TokenVerifier, UnknownKey

# Verification costs 83 µs, a look-up 1: a node keeps the verdicts of all its users and more.
_VERDICTS_MAX = 50_000
_REFETCH_S = 2.0
_FOLLOW_KEYS_S = 300.0

log = get_logger(__name__)


class Identity:
    """Turns access tokens into claims."""

    def __init__(self, bus: Bus, revocations: Revocations, clock: Clock, tokens: ApiTokens) -> None:
        self._bus = bus
        self._revocations = revocations
        self._clock = clock
        self._tokens = tokens
        self._verifier = TokenVerifier()
        self._verdicts: dict[bytes, Claims] = {}
        self._key_ids: set[str] = set()
        self._fetched_at_s = float("-inf")
        self._fetching: asyncio.Lock = asyncio.Lock()

    async def load_keys(self) -> None:
        """Fetch the public keys. Raises ChatError while the auth service is away."""
        keys = await calls.call(self._bus, internal.KEYS, internal.NoRequest(), internal.Keys)
        self._verifier.set_keys(keys.keys)
        self._fetched_at_s = self._clock.monotonic_s()
        key_ids = {str(key["kid"]) for key in keys.keys}
        if not self._key_ids <= key_ids:
            self._verdicts.clear()  # some may be of a key that counts no more
        self._key_ids = key_ids

    async def follow_keys(self) -> None:
        """Let go of keys that are published no more, though no token of another key comes by."""
        while True:
            await asyncio.sleep(_FOLLOW_KEYS_S)
            try:
                await self.load_keys()
            except ChatError as exc:
                log.warning("keys_not_followed", code=exc.code)

    async def identify(self, token: str, address: str) -> Claims:
        """Return the claims of a valid, unrevoked token, an access token or an API token.

        Raises ChatError `unauthenticated` or `token_expired`, and what `ApiTokens` raises.
        """
        if token.startswith(api_tokens.PREFIX):
            return await self._tokens.identify(token, address)
        digest = hashlib.blake2b(token.encode(), digest_size=16).digest()
        claims = self._verdicts.get(digest)
        if claims is None or claims.expires_at <= self._clock.now().timestamp():
            self._verdicts.pop(digest, None)
            claims = await self._verify(token)
            self._remember(digest, claims)
        if self._revocations.find(claims) is not None:
            raise ChatError(ErrorCode.UNAUTHENTICATED, "this login has ended")
        return claims

    async def _verify(self, token: str) -> Claims:
        try:
            return self._verifier.verify(token)
        except UnknownKey:
            await self._fetch_once()
        try:
            return self._verifier.verify(token)
        except UnknownKey as exc:
            raise ChatError(ErrorCode.UNAUTHENTICATED, "the token is signed with an unknown key") from exc

    async def _fetch_once(self) -> None:
        # Thousands may come with a new key at once, or with invented ones: one fetch for all.
        async with self._fetching:
            if self._clock.monotonic_s() - self._fetched_at_s < _REFETCH_S:
                return
            try:
                await self.load_keys()
            except ChatError:
                self._fetched_at_s = self._clock.monotonic_s()

    def _remember(self, digest: bytes, claims: Claims) -> None:
        if len(self._verdicts) >= _VERDICTS_MAX:
            del self._verdicts[next(iter(self._verdicts))]
        self._verdicts[digest] = claims
