"""The second factor: whether one is due after a password, who owes one, and whether a code is right.

Called by the commands within their transactions, once the account is locked.
"""

import hashlib
import hmac
import secrets
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.mail.postbox import Postbox
from services.auth.recovery_codes import RecoveryCodes, strip_separators
from services.auth.store import factors, identities, passkeys, pending_logins, users
from services.auth.store.database import read_clock
from services.auth.store.identities import DIRECTORY
from services.auth.store.pending_logins import PendingLogin
from services.auth.store.users import Account
from services.auth.totp import TotpSecrets
from shared.contracts.auth import SecondFactor, SecondFactorDue
from shared.contracts.entities import Me
from shared.contracts.proving import Proof

_TOKEN_BYTES = 32
_TOTP_DIGITS = 6


class CodeChecker:
    """Spends codes: TOTP and recovery codes."""

    def __init__(self, totp: TotpSecrets, recovery: RecoveryCodes, postbox: Postbox) -> None:
        self._totp = totp
        self._recovery = recovery
        self._postbox = postbox

    async def spend(
        self, connection: AsyncConnection, me: Me, code: str
    ) -> Literal["totp", "recovery_code"] | None:
        """Take a code of a locked account; None if it is wrong or was used before, on whatever node.

        That a recovery code was used is told by mail.
        """
        digits = strip_separators(code)
        if len(digits) == _TOTP_DIGITS and digits.isascii() and digits.isdecimal():
            return "totp" if await self._spend_totp(connection, me.id, digits) else None
        hashes = self._recovery.list_hashes(code, me.id)
        if not await factors.spend_recovery_code(connection, me.id, hashes):
            return None
        left = await factors.count_recovery_codes(connection, me.id)
        await self._postbox.notify(
            connection, me, lambda to, name: self._postbox.texts.recovery_code_used(to, name, left)
        )
        return "recovery_code"

    async def _spend_totp(self, connection: AsyncConnection, user_id: str, digits: str) -> bool:
        stored = await factors.find_totp(connection, user_id)
        if stored is None or stored.confirmed_at is None:
            return False
        step = self._totp.find_step(stored.sealed, user_id, digits, await read_clock(connection))
        return step is not None and await factors.spend_step(connection, user_id, step)


async def ask_if_due(connection: AsyncConnection, account: Account) -> SecondFactorDue | None:
    """Return what a locked account whose password was right still owes; None if nothing."""
    user_id = account.me.id
    if not await factors.is_totp_on(connection, user_id):
        return None
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    pending = PendingLogin(hash_token(token), user_id, _mark(account))
    await pending_logins.insert_pending(connection, pending, await read_clock(connection))
    return SecondFactorDue(token, await _list_second_factors(connection, user_id))


async def list_proofs(connection: AsyncConnection, user_id: str) -> list[Proof]:
    """Return what proves once more that it is this user: as much as signing in would ask of them."""
    if await factors.is_totp_on(connection, user_id):
        return [*await _list_second_factors(connection, user_id)]
    # The directory takes its password where there is none here.
    has_password = await users.has_password(connection, user_id) or await identities.has_at(
        connection, user_id, [DIRECTORY]
    )
    proofs: list[Proof] = ["password"] if has_password else []
    if await passkeys.list_credentials(connection, user_id):
        proofs.append("passkey")
    if await identities.has_at_provider(connection, user_id):
        proofs.append("provider")
    return proofs


def is_still_owed(pending: PendingLogin, account: Account | None) -> bool:
    """Whether the locked account is still the one whose password was right."""
    if account is None or account.me.deactivated:
        return False
    return hmac.compare_digest(pending.password_mark, _mark(account))


def hash_token(token: str) -> bytes:
    """Return what is stored; 256 random bits need neither salt nor stretching."""
    return hashlib.sha256(token.encode()).digest()


async def _list_second_factors(connection: AsyncConnection, user_id: str) -> list[SecondFactor]:
    """Return by what a user with TOTP finishes signing in."""
    methods: list[SecondFactor] = ["totp"]
    if await factors.count_recovery_codes(connection, user_id):
        methods.append("recovery_code")
    if await passkeys.list_credentials(connection, user_id):
        methods.append("passkey")
    return methods


def _mark(account: Account) -> bytes:
    return hashlib.sha256((account.password_hash or "").encode()).digest()
