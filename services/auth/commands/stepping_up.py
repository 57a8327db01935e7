"""Prove once more that it is you: the command before a factor, a password or the account is changed."""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import limits
from services.auth.fresh import ask_for_proof
from services.auth.limits import Limits
from services.auth.passkey_proof import PasskeyProofs
from services.auth.passwords import Passwords
from services.auth.second_factor import CodeChecker
from services.auth.store import audit, factors, logins, users
from services.auth.store import limits as stored_limits
from services.auth.store.audit import Deed
from services.auth.store.limits import Bucket
from services.auth.store.users import Account
from shared.bus import Caller
from shared.contracts import proving
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.passkeys import PasskeyAssertion
from shared.dispatch import Dispatcher
from shared.errors import ChatError, invalid


class SteppingUp:
    """The handler and what it needs."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        passwords: Passwords,
        codes: CodeChecker,
        proofs: PasskeyProofs,
        rates: Limits,
    ) -> None:
        self._engine = engine
        self._passwords = passwords
        self._codes = codes
        self._proofs = proofs
        self._rates = rates

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(proving.step_up, self.step_up)

    async def step_up(self, caller: Caller, asked: proving.StepUp) -> Empty:
        """Note a proof on the caller's login. Raises ChatError `mfa_failed`, `forbidden`, `rate_limited`."""
        match asked:
            case proving.StepUp(password=str(password), challenge_id=None, credential=None):
                is_proved = await self._by_password(caller, password, asked.code)
            case proving.StepUp(password=None, code=str(code), challenge_id=None, credential=None):
                is_proved = await self._by_code(caller, code)
            case proving.StepUp(
                password=None,
                code=None,
                challenge_id=str(challenge_id),
                credential=PasskeyAssertion() as answer,
            ):
                is_proved = await self._by_passkey(caller, challenge_id, answer)
            case _:
                raise invalid("", "give password, code, both, or challenge_id with credential")
        if not is_proved:
            raise ChatError(ErrorCode.MFA_FAILED, "this does not prove that it is you")
        return Empty()

    async def _by_password(self, caller: Caller, password: str, code: str | None) -> bool:
        """Look at a code only once the password is right, so that none is lost to a slip of the finger."""
        async with self._engine.begin() as connection:
            if code is None:
                await _refuse_password_alone(connection, caller)
            tries = await self._charge_guess(connection, caller)
            account = await users.lock_account(connection, caller.user_id)
        wanted = account.password_hash if account else None
        is_right = await self._passwords.verify(wanted, password)
        async with self._engine.begin() as connection:
            if is_right:
                await stored_limits.refund(connection, tries)
            current = await _lock(connection, caller)
            is_right = is_right and current.password_hash == wanted
            if code is None:
                await _refuse_password_alone(connection, caller)  # TOTP may have come meanwhile
            if code is None or not is_right:
                return await _note(connection, caller, "password", is_proved=is_right)
        return await self._by_code(caller, code)

    async def _charge_guess(self, connection: AsyncConnection, caller: Caller) -> list[Bucket]:
        """Charge a guess to the same count as at the door: who guesses here has no further tries there."""
        me = await users.find_me(connection, caller.user_id)
        known = await logins.has_signed_in_from(connection, caller.user_id, caller.address)
        username = me.username if me else caller.user_id
        tries = self._rates.guess(username, caller.address, is_known_here=known)
        await limits.charge(connection, tries)
        return tries

    async def _by_code(self, caller: Caller, code: str) -> bool:
        tries = await self._take_try(caller)
        async with self._engine.begin() as connection:
            account = await _lock(connection, caller)
            method = await self._codes.spend(connection, account.me, code)
            is_proved = await _note(connection, caller, method or "code", is_proved=method is not None)
        return await self._settle(tries, is_proved=is_proved)

    async def _by_passkey(self, caller: Caller, challenge_id: str, answer: PasskeyAssertion) -> bool:
        tries = await self._take_try(caller)
        proof = await self._proofs.check(challenge_id, answer, None)
        async with self._engine.begin() as connection:
            await _lock(connection, caller)
            is_proved = (
                proof is not None
                and proof.user_id == caller.user_id
                and await self._proofs.spend(connection, proof, caller.address)
            )
            await _note(connection, caller, "passkey", is_proved=is_proved)
        return await self._settle(tries, is_proved=is_proved)

    async def _take_try(self, caller: Caller) -> list[Bucket]:
        async with self._engine.begin() as connection:
            known = await logins.has_signed_in_from(connection, caller.user_id, caller.address)
            tries = self._rates.code(caller.user_id, caller.address, is_known_here=known)
            await limits.charge(connection, tries)
        return tries

    async def _settle(self, tries: list[Bucket], *, is_proved: bool) -> bool:
        """Give the charge back if it was no guess."""
        if is_proved:
            async with self._engine.begin() as connection:
                await stored_limits.refund(connection, tries)
        return is_proved


async def _refuse_password_alone(connection: AsyncConnection, caller: Caller) -> None:
    """Raise ChatError `forbidden` if signing in would take more; the password is not looked at then."""
    if await factors.is_totp_on(connection, caller.user_id):
        raise await ask_for_proof(connection, caller.user_id)


async def _lock(connection: AsyncConnection, caller: Caller) -> Account:
    account = await users.lock_account(connection, caller.user_id)
    if account is None or not await logins.lock_live_login(connection, caller.login_id, caller.user_id):
        raise ChatError(ErrorCode.UNAUTHENTICATED, "the login has ended")
    return account


async def _note(connection: AsyncConnection, caller: Caller, method: str, *, is_proved: bool) -> bool:
    """Note on the locked login that it was proved, and in the log whether it was."""
    if is_proved:
        await logins.note_proof(connection, caller.login_id)
    deed = Deed(
        "login.proved" if is_proved else "login.proof_failed",
        actor_id=caller.user_id,
        subject_id=caller.user_id,
        address=caller.address,
        details={"method": method},
    )
    await audit.record(connection, deed)
    return is_proved
