"""Refresh: a login goes on, or turns out to be over, or copied."""

from typing import assert_never

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import domain, hints, tokens
from services.auth.domain import LoginLimits, RefreshState
from services.auth.keys import KeyRing
from services.auth.store import audit, endings, logins, users
from services.auth.store.audit import Deed
from services.auth.tokens import RefreshTokens
from shared.bus import Bus, Caller
from shared.contracts import auth
from shared.contracts.entities import Tokens
from shared.contracts.errors import ErrorCode
from shared.contracts.internal import Revocation
from shared.dispatch import Dispatcher
from shared.errors import ChatError


class Refreshing:
    """The handler and what it needs."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        bus: Bus,
        ring: KeyRing,
        refresh_tokens: RefreshTokens,
        limits: LoginLimits,
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._ring = ring
        self._refresh_tokens = refresh_tokens
        self._limits = limits

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(auth.refresh, self.refresh)

    async def refresh(self, caller: Caller, asked: auth.Refresh) -> auth.Refreshed:
        """Trade a refresh token; one that is replayed ends its login."""
        if asked.refresh_token is None:
            raise _refused()
        async with self._engine.begin() as connection:
            outcome = await self._trade(connection, asked.refresh_token, caller.address)
        match outcome:
            case Tokens():
                return auth.Refreshed(outcome)
            case Revocation():
                await hints.announce(self._bus, outcome)
        raise _refused()

    async def _trade(
        self, connection: AsyncConnection, token: str, address: str
    ) -> Tokens | Revocation | None:
        """Return new tokens, or the revocation of a login that somebody copied, or None: refused."""
        token_hash, successors = self._refresh_tokens.hash(token), self._refresh_tokens.derive(token)
        owner = await logins.find_login_of_token(connection, token_hash)
        if owner is None:
            return None
        login_id, user_id = owner
        account = await users.lock_account(connection, user_id)
        if account is None or not await logins.lock_live_login(connection, login_id, user_id):
            return None
        # Read after the lock: of 50 at once the second already sees what the first has done.
        state = await logins.read_refresh_state(connection, token_hash, list(successors))
        if state is None:
            return None
        match domain.judge_refresh(state, self._limits):
            case domain.Verdict.EXPIRED:
                return None
            case domain.Verdict.REUSED:
                deed = Deed("login.token_replayed", None, user_id, address, {"login_id": login_id})
                await audit.record(connection, deed)
                return await endings.end_login(connection, login_id)
            case domain.Verdict.ROTATE:
                successor_hash = next(iter(successors))
                await self._rotate(connection, login_id, token_hash, successor_hash, state)
            case domain.Verdict.REPEAT:
                assert state.successor_hash is not None, "else the verdict is another"
                successor_hash = state.successor_hash
            case verdict:
                assert_never(verdict)
        return tokens.issue(self._ring, account.me, login_id, successors[successor_hash], state.read_at)

    async def _rotate(
        self,
        connection: AsyncConnection,
        login_id: str,
        token_hash: bytes,
        successor_hash: bytes,
        state: RefreshState,
    ) -> None:
        now = state.read_at
        expires_at = self._limits.find_end(state.login_began_at, now)
        await logins.rotate(connection, login_id, token_hash, successor_hash, now=now, expires_at=expires_at)


def _refused() -> ChatError:
    return ChatError(ErrorCode.UNAUTHENTICATED, "the refresh token is not valid; sign in again")
