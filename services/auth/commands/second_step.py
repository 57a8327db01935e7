"""Finish signing in with a second factor, or sign in with a passkey alone: the commands after a password."""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import limits, second_factor
from services.auth.beginning import LoginStarter
from services.auth.limits import Limits
from services.auth.passkey_proof import PasskeyProof, PasskeyProofs
from services.auth.second_factor import CodeChecker
from services.auth.store import audit, logins, pending_logins, users
from services.auth.store import limits as stored_limits
from services.auth.store.audit import Deed
from services.auth.store.limits import Bucket
from services.auth.store.pending_logins import PendingLogin
from services.auth.store.users import Account
from shared.bus import BusRequest
from shared.contracts import auth, proving
from shared.contracts.errors import ErrorCode
from shared.contracts.passkeys import PasskeyChallenge
from shared.dispatch import Dispatcher
from shared.errors import ChatError


class SecondStep:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        starter: LoginStarter,
        codes: CodeChecker,
        proofs: PasskeyProofs,
        rates: Limits,
    ) -> None:
        self._engine = engine
        self._starter = starter
        self._codes = codes
        self._proofs = proofs
        self._rates = rates

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle_request(proving.login_totp, self.login_totp)
        dispatcher.handle_request(proving.passkey_options, self.passkey_options)
        dispatcher.handle_request(proving.login_passkey, self.login_passkey)

    async def login_totp(self, request: BusRequest, asked: proving.TotpLogin) -> auth.SignedIn:
        """Sign in with a code. Raises ChatError `mfa_failed`; `unauthenticated` for the token itself."""
        address = request.caller.address
        pending, tries = await self._take_try(asked.mfa_token, address)
        signed_in = None
        async with self._engine.begin() as connection:
            account = await _lock_owing(connection, pending)
            method = await self._codes.spend(connection, account.me, asked.code)
            if method is None:
                await _record_failure(connection, pending, address, "code")
            else:
                signed_in = await self._begin(connection, account, request, method, pending)
        if signed_in is None:
            raise ChatError(ErrorCode.MFA_FAILED, "the code is wrong or was used before")
        await self._refund(tries)
        return signed_in

    async def passkey_options(self, request: BusRequest, asked: proving.PasskeyOptions) -> PasskeyChallenge:
        """Ask for a passkey: of the account that owes a second factor, or anybody's."""
        async with self._engine.begin() as connection:
            await limits.charge(connection, self._rates.challenge(request.caller.address))
            pending = await self._find_pending(connection, asked.mfa_token) if asked.mfa_token else None
            return await self._proofs.ask(connection, pending.user_id if pending else None)

    async def login_passkey(self, request: BusRequest, asked: proving.PasskeyLogin) -> auth.SignedIn:
        """Sign in with a passkey, which has verified its user: it is enough by itself."""
        if asked.mfa_token is None:
            proof = await self._proofs.check(asked.challenge_id, asked.credential, None)
            return await self._finish_by_passkey(proof, request, None)
        pending, tries = await self._take_try(asked.mfa_token, request.caller.address)
        proof = await self._proofs.check(asked.challenge_id, asked.credential, pending.user_id)
        signed_in = await self._finish_by_passkey(proof, request, pending)
        await self._refund(tries)
        return signed_in

    async def _finish_by_passkey(
        self, proof: PasskeyProof | None, request: BusRequest, pending: PendingLogin | None
    ) -> auth.SignedIn:
        signed_in = None
        async with self._engine.begin() as connection:
            if proof is not None:
                signed_in = await self._begin_by_passkey(connection, proof, request, pending)
            if signed_in is None and pending is not None:
                await _record_failure(connection, pending, request.caller.address, "passkey")
        if signed_in is None:
            code = ErrorCode.MFA_FAILED if pending else ErrorCode.UNAUTHENTICATED
            raise ChatError(code, "the passkey was not accepted")
        return signed_in

    async def _begin_by_passkey(
        self,
        connection: AsyncConnection,
        proof: PasskeyProof,
        request: BusRequest,
        pending: PendingLogin | None,
    ) -> auth.SignedIn | None:
        if pending is not None:
            account = await _lock_owing(connection, pending)
        else:
            found = await users.lock_account(connection, proof.user_id)
            if found is None or found.me.deactivated:
                return None
            account = found
        if not await self._proofs.spend(connection, proof, request.caller.address):
            return None
        return await self._begin(connection, account, request, "passkey", pending)

    async def _begin(
        self,
        connection: AsyncConnection,
        account: Account,
        request: BusRequest,
        method: auth.SecondFactor,
        pending: PendingLogin | None,
    ) -> auth.SignedIn:
        if pending is not None and not await pending_logins.finish(connection, pending.token_hash):
            raise _expired()
        return await self._starter.begin(connection, account.me, request, method)

    async def _take_try(self, mfa_token: str, address: str) -> tuple[PendingLogin, list[Bucket]]:
        """Charge a try to the token and to its account, for good before anything is looked at."""
        async with self._engine.begin() as connection:
            pending = await self._find_pending(connection, mfa_token)
            is_known_here = await logins.has_signed_in_from(connection, pending.user_id, address)
            tries = self._rates.code(pending.user_id, address, is_known_here=is_known_here)
            await limits.charge(connection, tries)
            if not await pending_logins.spend_try(connection, pending.token_hash):
                raise _expired()
        return pending, tries

    async def _refund(self, tries: list[Bucket]) -> None:
        async with self._engine.begin() as connection:
            await stored_limits.refund(connection, tries)

    @staticmethod
    async def _find_pending(connection: AsyncConnection, mfa_token: str) -> PendingLogin:
        token_hash = second_factor.hash_token(mfa_token)
        pending = await pending_logins.find_pending(connection, token_hash)
        if pending is None:
            raise _expired()
        return pending


async def _lock_owing(connection: AsyncConnection, pending: PendingLogin) -> Account:
    """Hold the account that owes a second factor, unless its password has changed meanwhile."""
    account = await users.lock_account(connection, pending.user_id)
    if account is None or not second_factor.is_still_owed(pending, account):
        raise _expired()
    return account


async def _record_failure(
    connection: AsyncConnection, pending: PendingLogin, address: str, method: str
) -> None:
    deed = Deed(
        "second_factor.failed", subject_id=pending.user_id, address=address, details={"method": method}
    )
    await audit.record(connection, deed)


def _expired() -> ChatError:
    return ChatError(ErrorCode.UNAUTHENTICATED, "the second step is not open any more; sign in again")
