"""Prove once more that it is you: the command before a factor, a password or the account is changed."""

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import limits
from services.auth.fresh import ask_for_proof
from services.auth.ldap.door import DirectoryDoor
from services.auth.limits import Limits
from services.auth.passkey_proof import PasskeyProofs
from services.auth.passwords import Passwords
from services.auth.provider_proof import ProviderProofs
from services.auth.second_factor import CodeChecker
from services.auth.store import audit, factors, identities, logins, users
from services.auth.store import limits as stored_limits
from services.auth.store.audit import Deed
from services.auth.store.identities import Owner
from services.auth.store.limits import Bucket
from services.auth.store.users import Account
from shared.bus import Caller
from shared.contracts import proving
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.identities import BeginOidc, OidcBegun
from shared.contracts.passkeys import PasskeyAssertion
from shared.contracts.proving import ProviderAnswer
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
        providers: ProviderProofs,
        rates: Limits,
        door: DirectoryDoor | None,
    ) -> None:
        """`door` is None where there is no directory."""
        self._engine = engine
        self._passwords = passwords
        self._codes = codes
        self._proofs = proofs
        self._providers = providers
        self._rates = rates
        self._door = door

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(proving.begin_step_up, self.begin_step_up)
        dispatcher.handle(proving.step_up, self.step_up)

    async def begin_step_up(self, caller: Caller, asked: BeginOidc) -> OidcBegun:
        """Raises ChatError `forbidden` where that would not be enough, `not_found`, `rate_limited`."""
        async with self._engine.begin() as connection:
            await limits.charge(connection, self._rates.challenge(caller.address))
            await _refuse_one_factor(connection, caller)
        return await self._providers.begin(asked.provider_id, caller.user_id)

    async def step_up(self, caller: Caller, asked: proving.StepUp) -> Empty:
        """Note a proof on the caller's login. Raises ChatError `mfa_failed`, `forbidden`, `rate_limited`."""
        if not await self._prove(caller, asked):
            raise ChatError(ErrorCode.MFA_FAILED, "this does not prove that it is you")
        return Empty()

    async def _prove(self, caller: Caller, asked: proving.StepUp) -> bool:
        match (asked.password, asked.code, asked.challenge_id, asked.credential, asked.provider):
            case (str(password), code, None, None, None):
                return await self._by_password(caller, password, code)
            case (None, str(code), None, None, None):
                return await self._by_code(caller, code)
            case (None, None, str(challenge_id), PasskeyAssertion() as answer, None):
                return await self._by_passkey(caller, challenge_id, answer)
            case (None, None, None, None, ProviderAnswer() as back):
                return await self._by_provider(caller, back)
            case _:
                raise invalid("", "give password, code, both, challenge_id with credential, or provider")

    async def _by_password(self, caller: Caller, password: str, code: str | None) -> bool:
        """Look at a code only once the password is right, so that none is lost to a slip of the finger."""
        async with self._engine.begin() as connection:
            if code is None:
                await _refuse_one_factor(connection, caller)
            tries = await self._charge_guess(connection, caller)
            account = await users.lock_account(connection, caller.user_id)
        found = await self._look(account, password)
        async with self._engine.begin() as connection:
            if found is not None:
                await stored_limits.refund(connection, tries)
            current = await _lock(connection, caller)
            is_right = found is not None and await found.still_holds(connection, current)
            if code is None:
                await _refuse_one_factor(connection, caller)  # TOTP may have come meanwhile
            if code is None or not is_right:
                return await _note(connection, caller, "password", is_proved=is_right)
        return await self._by_code(caller, code)

    async def _look(self, account: Account | None, password: str) -> "_Found | None":
        """Return where the password is right: here or, for who has none here, in the directory."""
        password_hash = account.password_hash if account else None
        if await self._passwords.verify(password_hash, password):
            return _Found(password_hash, None)
        if account is None or password_hash is not None or self._door is None:
            return None
        owner = await self._door.recognise(account.me, password)
        return _Found(None, owner) if owner is not None else None

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

    async def _by_provider(self, caller: Caller, back: ProviderAnswer) -> bool:
        tries = await self._take_try(caller)
        proof = await self._providers.check(back, caller.user_id)
        async with self._engine.begin() as connection:
            await _lock(connection, caller)
            await _refuse_one_factor(connection, caller)
            is_proved = proof is not None and await self._providers.spend(connection, proof)
            await _note(connection, caller, "provider", is_proved=is_proved)
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


class _Found(Struct, frozen=True):
    """A password that was right, looked at outside of any transaction."""

    password_hash: str | None
    owner: Owner | None
    """By what the directory knows them, if it was the directory's."""

    async def still_holds(self, connection: AsyncConnection, current: Account) -> bool:
        """Whether the locked account still signs in by it."""
        if current.password_hash != self.password_hash:
            return False
        return self.owner is None or await identities.touch(connection, self.owner)


async def _refuse_one_factor(connection: AsyncConnection, caller: Caller) -> None:
    """Raise ChatError `forbidden` if signing in would take more; a password is not looked at then."""
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
