"""Register, sign in, refresh: the commands that give tokens."""

from typing import assert_never

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import domain, hints, limits, second_factor, tokens
from services.auth.beginning import LoginStarter
from services.auth.keys import KeyRing
from services.auth.limits import Limits
from services.auth.passwords import Passwords, refuse_weak
from services.auth.store import audit, endings, logins, users
from services.auth.store import limits as stored_limits
from services.auth.store.audit import Deed
from services.auth.store.database import read_clock
from services.auth.store.users import Account
from services.auth.tokens import RefreshTokens
from shared.bus import Bus, BusRequest, Caller
from shared.contracts import auth
from shared.contracts.entities import Tokens
from shared.contracts.errors import ErrorCode
from shared.contracts.internal import Revocation
from shared.dispatch import Dispatcher
from shared.errors import ChatError
from shared.ids import new_id

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
        dispatcher.handle_request(auth.register, self.register)
        dispatcher.handle_request(auth.login, self.login)
        dispatcher.handle(auth.refresh, self.refresh)

    async def register(self, request: BusRequest, asked: auth.Register) -> auth.SignedIn:
        """Create an account. Raises ChatError `conflict`, `invalid_input`, `rate_limited`."""
        username = domain.fold_username(asked.username)
        refuse_weak(asked.password, username)
        async with self._engine.begin() as connection:
            await limits.charge(connection, self._rates.registration(request.caller.address))
            if await users.is_username_taken(connection, username):  # before the work of hashing
                raise _taken()
        password_hash = await self._passwords.hash(asked.password)
        async with self._engine.begin() as connection:
            me = await users.insert_user(
                connection,
                user_id=new_id(),
                username=username,
                display_name=asked.display_name or username,
                email=asked.email,
                password_hash=password_hash,
                now=await read_clock(connection),
            )
            if me is None:
                raise _taken()
            return await self._starter.begin(connection, me, request)

    async def login(self, request: BusRequest, asked: auth.PasswordLogin) -> auth.LoginReply:
        """Sign in, or ask for a second factor. Whatever is wrong, the answer is one, and takes as long."""
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
            current = _still_valid(account, await users.lock_account(connection, account.me.id))
            if due := await second_factor.ask_if_due(connection, current):
                return auth.LoginReply(mfa_token=due.mfa_token, methods=due.methods)
            signed_in = await self._starter.begin(connection, current.me, request)
            if not is_known_here:
                await audit.record(connection, _to_deed(current, address))
            return auth.LoginReply(user=signed_in.user, tokens=signed_in.tokens)

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


def _still_valid(verified: Account, current: Account | None) -> Account:
    """The password was verified outside the transaction: it must still be that one."""
    if current is None or current.me.deactivated or current.password_hash != verified.password_hash:
        raise _refused()
    return current


def _to_deed(account: Account, address: str) -> Deed:
    """What a password alone began somewhere new; of a second step, `second_step` has the whole story."""
    user_id = account.me.id
    details = {"method": "password", "new_address": True}
    return Deed("login.begun", actor_id=user_id, subject_id=user_id, address=address, details=details)


def _refused() -> ChatError:
    return ChatError(ErrorCode.UNAUTHENTICATED, "the login or the password is wrong")


def _refresh_refused() -> ChatError:
    return ChatError(ErrorCode.UNAUTHENTICATED, "the refresh token is not valid; sign in again")


def _taken() -> ChatError:
    return ChatError(
        ErrorCode.CONFLICT,
        "username: is taken",
        details={"fields": [{"path": "username", "problem": "is taken"}]},
    )
