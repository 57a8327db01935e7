"""Sign in: the command that begins a login with a password."""

from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import limits, second_factor
from services.auth.beginning import LoginStarter
from services.auth.ldap.door import DirectoryDoor
from services.auth.limits import Limits
from services.auth.passwords import Passwords
from services.auth.store import audit, identities, logins, users
from services.auth.store import limits as stored_limits
from services.auth.store.audit import Deed
from services.auth.store.identities import Owner
from services.auth.store.limits import Bucket
from services.auth.store.users import Account
from shared.bus import BusRequest
from shared.contracts import auth
from shared.contracts.errors import ErrorCode
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
        starter: LoginStarter,
        passwords: Passwords,
        rates: Limits,
        door: DirectoryDoor | None,
    ) -> None:
        """`door` is None where there is no directory."""
        self._engine = engine
        self._starter = starter
        self._passwords = passwords
        self._rates = rates
        self._door = door

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle_request(auth.login, self.login)

    async def login(self, request: BusRequest, asked: auth.PasswordLogin) -> auth.LoginReply:
        """Sign in, or ask for a second factor. Whatever is wrong, the answer is one, and takes as long.

        While more come than can be looked at, `rate_limited`, at once and for all alike.
        """
        with self._passwords.admit():
            return await self._login(request, asked)

    async def _login(self, request: BusRequest, asked: auth.PasswordLogin) -> auth.LoginReply:
        address = request.caller.address
        async with self._engine.begin() as connection:
            account = await users.find_account(connection, asked.login)
            is_known_here = await logins.has_signed_in_from(
                connection, account.me.id if account else _NOBODY, address
            )
            guess = self._rates.guess(asked.login, address, is_known_here=is_known_here)
            wait = await stored_limits.charge(connection, guess)
            if wait is not None:
                await connection.rollback()
        if wait is not None:
            await self._note_slowed(asked.login, address, account)
            raise limits.refuse(wait)
        password_hash = account.password_hash if account else None
        is_right = await self._passwords.verify(password_hash, asked.password)
        if not is_right and self._door is not None:
            owner = await self._door.open(asked, account, address)
            return await self._enter(owner, request, guess)
        if account is None or not is_right:
            raise _refused()
        async with self._engine.begin() as connection:
            await stored_limits.refund(connection, guess)
            current = _still_valid(account, await users.lock_account(connection, account.me.id))
            if due := await second_factor.ask_if_due(connection, current):
                return auth.LoginReply(mfa_token=due.mfa_token, methods=due.methods)
            signed_in = await self._starter.begin(connection, current.me, request)
            return auth.LoginReply(user=signed_in.user, tokens=signed_in.tokens)

    async def _enter(self, owner: Owner | None, request: BusRequest, guess: list[Bucket]) -> auth.LoginReply:
        """Sign in who was proved by the directory."""
        if owner is None:
            raise _refused()
        async with self._engine.begin() as connection:
            await stored_limits.refund(connection, guess)
            account = await users.lock_account(connection, owner.user_id)
            if account is None or account.me.deactivated or not await identities.touch(connection, owner):
                raise _refused()
            if due := await second_factor.ask_if_due(connection, account):
                return auth.LoginReply(mfa_token=due.mfa_token, methods=due.methods)
            signed_in = await self._starter.begin(connection, account.me, request, "directory")
            return auth.LoginReply(user=signed_in.user, tokens=signed_in.tokens)

    async def _note_slowed(self, login: str, address: str, account: Account | None) -> None:
        """Record that guesses were slowed: one entry an hour for an account or an address."""
        async with self._engine.begin() as connection:
            if await stored_limits.charge(connection, self._rates.alarm(login, address)) is None:
                subject_id = account.me.id if account else None
                await audit.record(connection, Deed("login.guesses_slowed", None, subject_id, address))
            else:
                await connection.rollback()


def _still_valid(verified: Account, current: Account | None) -> Account:
    """The password was verified outside the transaction: it must still be that one."""
    if current is None or current.me.deactivated or current.password_hash != verified.password_hash:
        raise _refused()
    return current


def _refused() -> ChatError:
    return ChatError(ErrorCode.UNAUTHENTICATED, "the login or the password is wrong")
