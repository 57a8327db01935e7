"""Who presents an API token: verdicts of the auth service, held for a while; revocations asked every time.

Called by `Identity` for what begins like an API token. While the auth service is away, the tokens that are
known work on as long as an access token would live.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from services.gateway.connection import Connection
from services.gateway.gather import Gather
from services.gateway.limits import CommandRate
from services.gateway.revocations import Revocations
from shared import calls
from shared.addresses import group_address
from shared.api_tokens import hash_token, is_well_formed
from shared.bus import Bus
from shared.clock import Clock
from shared.contracts import internal
from shared.contracts.close_codes import CloseCode
from shared.contracts.errors import ErrorCode
from shared.contracts.internal import KnownToken
from shared.errors import ChatError
from shared.grants import read_scopes
from shared.telemetry import get_logger
from shared.tokens import ACCESS_TOKEN_S, Claims

log = get_logger(__name__)

# A verdict is asked again when it is this old; if nobody answers it stands for as long as an access token
# lives, which is less than a revocation is kept.
_FRESH_S = 60.0
_RENEWED_AFTER_S = 300.0
_RENEW_EVERY_S = 60.0
_UNKNOWN_FOR_S = 10.0
_HELD_MAX = 20_000


class _Verdict(Struct, frozen=True):
    claims: Claims | None
    """None: there is no such token."""
    fresh_until_s: float


class ApiTokens:
    """Turns API tokens into claims."""

    def __init__(self, bus: Bus, revocations: Revocations, clock: Clock, unknown_rate: CommandRate) -> None:
        """`unknown_rate` is how often one address may come with a token that turns out to be none."""
        self._bus = bus
        self._revocations = revocations
        self._clock = clock
        self._unknown_rate = unknown_rate
        self._verdicts: dict[str, _Verdict] = {}
        self._asked: Gather[str, KnownToken] = Gather(self._ask)

    async def identify(self, token: str, address: str) -> Claims:
        """Return the claims of a valid, unrevoked API token.

        Raises ChatError `unauthenticated`, or `unavailable` or `rate_limited` if it cannot be found out.
        """
        if not is_well_formed(token):
            raise _refused()
        token_hash = hash_token(token)
        verdict = self._verdicts.get(token_hash)
        if verdict is not None and self._clock.monotonic_s() < verdict.fresh_until_s:
            if verdict.claims is None:
                raise _refused()
            if self._stands(verdict.claims):
                return verdict.claims
        return await self._look_up(token_hash, address, verdict)

    async def renew_forever(self, connections: Callable[[], Iterable[Connection]]) -> None:
        """Ask again, now and then, for the tokens of live connections: else they are closed as expired."""
        while True:
            await asyncio.sleep(_RENEW_EVERY_S)
            due_before = self._clock.now().timestamp() - _RENEWED_AFTER_S
            due = [
                each
                for each in connections()
                if each.claims.grant is not None and each.claims.issued_at < due_before
            ]
            await asyncio.gather(*map(self.renew, due))

    async def renew(self, connection: Connection) -> None:
        """Let a connection live on with its token, or close it if there is no such token any more."""
        assert connection.claims.grant is not None, "of a token"
        try:
            claims = await self._decide(connection.claims.grant.token_hash)
        except ChatError as exc:
            log.warning("token_not_renewed", code=exc.code)
            return
        if claims is None:
            connection.close(CloseCode.LOGIN_ENDED, "this token has ended")
        else:
            connection.claims, connection.expires_at = claims, claims.expires_at

    async def _look_up(self, token_hash: str, address: str, held: _Verdict | None) -> Claims:
        try:
            claims = await self._decide_for(token_hash, address)
        except ChatError as exc:
            if held is None or held.claims is None or not exc.is_retryable or not self._stands(held.claims):
                raise
            return held.claims
        if claims is None or self._revocations.find(claims) is not None:
            raise _refused()
        return claims

    async def _decide_for(self, token_hash: str, address: str) -> Claims | None:
        """Charge the address before anything is known, and give it back for a true token."""
        bucket = self._unknown_rate.find_bucket(group_address(address), self._clock.monotonic_s())
        wait_ms = self._unknown_rate.take(bucket, self._clock.monotonic_s())
        if wait_ms:
            raise ChatError(ErrorCode.RATE_LIMITED, "too many unknown tokens", retry_after_ms=wait_ms)
        claims = await self._decide(token_hash)
        if claims is not None:
            self._unknown_rate.give_back(bucket)
        return claims

    async def _decide(self, token_hash: str) -> Claims | None:
        known = await self._asked.get(token_hash)
        claims = _to_claims(known) if known is not None else None
        fresh_s = _FRESH_S if known is not None else _UNKNOWN_FOR_S
        if len(self._verdicts) >= _HELD_MAX:
            del self._verdicts[next(iter(self._verdicts))]
        self._verdicts.pop(token_hash, None)
        self._verdicts[token_hash] = _Verdict(claims, self._clock.monotonic_s() + fresh_s)
        return claims

    async def _ask(self, hashes: list[str]) -> Mapping[str, KnownToken]:
        asked = internal.TokenHashes(hashes)
        answer = await calls.call(self._bus, internal.API_TOKENS, asked, internal.KnownTokens)
        return {each.hash: each for each in answer.tokens}

    def _stands(self, claims: Claims) -> bool:
        return claims.expires_at > self._clock.now().timestamp() and self._revocations.find(claims) is None


def _to_claims(known: KnownToken) -> Claims:
    """Return claims that are issued when the token was looked up: what revokes a user later, revokes them."""
    ends_at = known.checked_at + ACCESS_TOKEN_S
    return Claims(
        user_id=known.user_id,
        login_id=known.id,
        role=known.role,
        username=known.username,
        display_name=known.display_name,
        issued_at=known.checked_at,
        expires_at=int(ends_at if known.expires_at is None else min(ends_at, known.expires_at)),
        grant=read_scopes(known.hash, known.scopes),
    )


def _refused() -> ChatError:
    return ChatError(ErrorCode.UNAUTHENTICATED, "a valid token is needed")
