"""Sign in, refresh: the commands that give tokens to who has an account."""

from typing import assert_never

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import domain, hints, limits, tokens
from services.auth.beginning import LoginStarter
from services.auth.keys import KeyRing
from services.auth.limits import Limits
from services.auth.passwords import Passwords
from services.auth.store import endings, logins, users
from services.auth.store import limits as stored_limits
from services.auth.store.users import Account
from services.auth.tokens import RefreshTokens
from shared.bus import Bus, BusRequest, Caller
from shared.contracts import auth
from shared.contracts.entities import Me, Tokens
from shared.contracts.errors import ErrorCode
from shared.contracts.internal import Revocation
from shared.dispatch import Dispatcher
from shared.errors import ChatError

# Asked about where there is no account, so that the same statements run.
_NOBODY = "00000000-0000-0000-0000-000000000000"


class SigningIn:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        bus: Bus,
        ring: KeyRing,
        refresh_tokens: RefreshTokens,
        starter: LoginStarter,
        passwords: Passwords,
        rates: Limits,
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._ring = ring
        self._refresh_tokens = refresh_tokens
        self._starter = starter
        self._passwords = passwords
        self._rates = rates

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle_request(auth.login, self.login)
        dispatcher.handle(auth.refresh, self.refresh)

    async def login(self, request: BusRequest, asked: auth.PasswordLogin) -> auth.SignedIn:
        """Sign in. Whatever is wrong, the answer is one and takes the same time."""
        address = request.caller.address
        async with self._engine.begin() as connection:
            account = await users.find_account(connection, asked.login)
            is_known_here = await logins.has_signed_in_from(
                connection, account.me.id if account else _NOBODY, address
            )
            guess = self._rates.guess(asked.login, address, is_known_here=is_known_here)
            await limits.charge(connection, guess)
        password_hash = account.password_hash if account else None
        is_right = await self._passwords.verify(password_hash, asked.password)
        if account is None or not is_right:
            raise _refused()
        async with self._engine.begin() as connection:
            await stored_limits.refund(connection, guess)
            me = _still_valid(account, await users.lock_account(connection, account.me.id))
            return await self._starter.begin(connection, me, request)

    async def refresh(self, _caller: Caller, asked: auth.Refresh) -> auth.Refreshed:
        """Trade a refresh token; one that is replayed ends its login."""
        if asked.refresh_token is None:
            raise _refresh_refused()
        async with self._engine.begin() as connection:
            outcome = await self._trade(connection, asked.refresh_token)
        match outcome:
            case Tokens():
                return auth.Refreshed(outcome)
            case Revocation():
                await hints.announce(self._bus, outcome)
        raise _refresh_refused()

    async def _trade(self, connection: AsyncConnection, token: str) -> Tokens | Revocation | None:
        """Return new tokens, or the revocation of a login that somebody copied, or None: refused."""
        successor = self._refresh_tokens.derive_successor(token)
        token_hash, successor_hash = self._refresh_tokens.hash(token), self._refresh_tokens.hash(successor)
        owner = await logins.find_login_of_token(connection, token_hash)
        if owner is None:
            return None
        login_id, user_id = owner
        account = await users.lock_account(connection, user_id)
        if account is None or not await logins.lock_live_login(connection, login_id, user_id):
            return None
        # Read after the lock: of 50 at once the second already sees what the first has done.
        state = await logins.read_refresh_state(connection, token_hash, successor_hash)
        if state is None:
            return None
        match domain.judge_refresh(state):
            case domain.Verdict.EXPIRED:
                return None
            case domain.Verdict.REUSED:
                return await endings.end_login(connection, login_id)
            case domain.Verdict.ROTATE:
                await logins.rotate(connection, login_id, token_hash, successor_hash, state.read_at)
            case domain.Verdict.REPEAT:
                pass
            case verdict:
                assert_never(verdict)
        return tokens.issue(self._ring, account.me, login_id, successor, state.read_at)


def _still_valid(verified: Account, current: Account | None) -> Me:
    """The password was verified outside the transaction: it must still be that one."""
    if current is None or current.me.deactivated or current.password_hash != verified.password_hash:
        raise _refused()
    return current.me


def _refused() -> ChatError:
    return ChatError(ErrorCode.UNAUTHENTICATED, "the login or the password is wrong")


def _refresh_refused() -> ChatError:
    return ChatError(ErrorCode.UNAUTHENTICATED, "the refresh token is not valid; sign in again")
