"""By what the caller signs in: list it, turn TOTP on and off, make new recovery codes."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth.changing import changing_factors
from services.auth.fresh import require_fresh
from services.auth.mail.postbox import Postbox
from services.auth.recovery_codes import RecoveryCodes, strip_separators
from services.auth.store import factors as stored
from services.auth.store import passkeys, users
from services.auth.store.database import read_clock
from services.auth.totp import TotpSecrets, draw_qr
from shared.bus import Bus, Caller
from shared.clock import to_wire
from shared.contracts import factors
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.dispatch import Dispatcher
from shared.errors import ChatError, conflict, not_found


class Factors:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        bus: Bus,
        postbox: Postbox,
        totp: TotpSecrets,
        recovery: RecoveryCodes,
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._postbox = postbox
        self._totp = totp
        self._recovery = recovery

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(factors.list_factors, self.list_factors)
        dispatcher.handle(factors.begin_totp, self.begin_totp)
        dispatcher.handle(factors.confirm_totp, self.confirm_totp)
        dispatcher.handle(factors.remove_totp, self.remove_totp)
        dispatcher.handle(factors.renew_recovery_codes, self.renew_recovery_codes)

    async def list_factors(self, caller: Caller, _asked: Empty) -> factors.Factors:
        async with self._engine.connect() as connection:
            totp = await stored.find_totp(connection, caller.user_id)
            confirmed_at = totp.confirmed_at if totp else None
            return factors.Factors(
                has_password=await users.has_password(connection, caller.user_id),
                totp_since_at=to_wire(confirmed_at) if confirmed_at else None,
                recovery_codes_left=await stored.count_recovery_codes(connection, caller.user_id),
                passkeys=await passkeys.list_passkeys(connection, caller.user_id),
            )

    async def begin_totp(self, caller: Caller, _asked: Empty) -> factors.TotpBegun:
        """Make a secret in place of one that was not confirmed. Raises ChatError `conflict` if TOTP is on."""
        secret = self._totp.create()
        async with self._engine.begin() as connection:
            account = await users.lock_account(connection, caller.user_id, exclusively=True)
            await require_fresh(connection, caller)
            if account is None:
                raise not_found("user")
            sealed = self._totp.seal(secret, caller.user_id)
            now = await read_clock(connection)
            if not await stored.put_unconfirmed(connection, caller.user_id, sealed, now):
                raise conflict("TOTP is on; turn it off before you set it up anew")
        url = self._totp.describe(secret, account.me.username)
        return factors.TotpBegun(secret, url, draw_qr(url))

    async def confirm_totp(self, caller: Caller, asked: factors.ConfirmTotp) -> factors.RecoveryCodes:
        """Turn TOTP on. Raises ChatError `mfa_failed` for a wrong code, `conflict` if none was begun."""
        async with changing_factors(self._engine, self._bus, self._postbox, caller) as change:
            now = await read_clock(change.connection)
            step = await self._find_first_step(change.connection, caller.user_id, asked.code, now)
            await stored.confirm(change.connection, caller.user_id, step, now)
            change.note("totp.added")
            return await self._renew(change.connection, caller.user_id)

    async def remove_totp(self, caller: Caller, _asked: Empty) -> Empty:
        """Turn TOTP off. Raises ChatError `not_found` if it is not on."""
        async with changing_factors(self._engine, self._bus, self._postbox, caller) as change:
            if not await stored.remove_totp(change.connection, caller.user_id):
                raise not_found("TOTP")
            change.note("totp.removed")
        return Empty()

    async def renew_recovery_codes(self, caller: Caller, _asked: Empty) -> factors.RecoveryCodes:
        """Void the codes and make ten others. Raises ChatError `not_found` while TOTP is not on."""
        async with changing_factors(self._engine, self._bus, self._postbox, caller) as change:
            if not await stored.is_totp_on(change.connection, caller.user_id):
                raise not_found("TOTP")
            change.note("recovery_codes.renewed")
            return await self._renew(change.connection, caller.user_id)

    async def _find_first_step(
        self, connection: AsyncConnection, user_id: str, code: str, now: datetime
    ) -> int:
        totp = await stored.find_totp(connection, user_id)
        if totp is None or totp.confirmed_at or now - totp.begun_at > stored.UNCONFIRMED_LIFE:
            raise conflict("no TOTP secret waits to be confirmed; begin anew")
        step = self._totp.find_step(totp.sealed, user_id, strip_separators(code), now)
        if step is None:
            raise ChatError(ErrorCode.MFA_FAILED, "the code is wrong; is the clock of your device right?")
        return step

    async def _renew(self, connection: AsyncConnection, user_id: str) -> factors.RecoveryCodes:
        codes = self._recovery.create()
        hashes = [self._recovery.hash(code, user_id) for code in codes]
        await stored.replace_recovery_codes(connection, user_id, hashes)
        return factors.RecoveryCodes(codes)
